import { describe, expect, it } from 'vitest';
import type { Interop } from '../interop.ts';

/** Failures that cannot pass use one attempt and say what they are. */
export function failureScenarios(interop: () => Interop): void {
  describe('permanent failures', () => {
    it('a handler that refuses for good is not run again, whatever the template allows', async () => {
      const seen = await interop().run('permanent');
      expect(seen.task.status).toBe('blocked_by_failures');
      expect(seen.steps).toEqual([
        ['permanent_after', 'pending', 0],
        ['permanent_refused', 'error', 1],
      ]);
      expect(seen.results('permanent_refused')).toMatchObject({
        success: false,
        result: {},
        error: { error_type: 'permanent_error', retryable: false },
        metadata: { retryable: false, error_code: 'order_refused' },
      });
    });

    it('traps, limits, refusals of the broker and hopeless answers each name their cause', async () => {
      const seen = await interop().run('hopeless');
      expect(seen.steps.map(([, state, attempts]) => [state, attempts])).toEqual(
        seen.steps.map(() => ['error', 1]),
      );
      const causeOf = (name: string) => {
        const { metadata, error } = seen.results(`hopeless_${name}`);
        return [metadata.error_code, error?.error_type];
      };
      expect(causeOf('trap')).toEqual(['ERR_GUEST_TRAP', 'handler_panic']);
      expect(causeOf('endless')).toEqual(['ERR_LIMIT_FUEL', 'handler_error']);
      expect(causeOf('unknown')).toEqual(['ERR_HANDLER_UNKNOWN', 'handler_not_found']);
      expect(causeOf('reference')).toEqual(['ERR_REFERENCE_UNRESOLVED', 'validation_error']);
      expect(causeOf('config')).toEqual(['ERR_CONFIG_SCHEMA', 'validation_error']);
      expect(causeOf('denied')).toEqual(['ERR_HTTP_DENIED', 'permanent_error']);
      expect(causeOf('gone')).toEqual(['http_status', 'permanent_error']);
    });
  });
}
