import { describe, expect, it } from 'vitest';
import { GIVEN_UP, type Interop } from '../interop.ts';

/** Failures that cannot pass use one attempt and say what they are. */
export function failureScenarios(interop: () => Interop): void {
  describe('permanent failures', () => {
    it('a handler that refuses for good is not run again, whatever the template allows', async () => {
      const seen = await interop().run('permanent');
      expect(seen.task.status).toEqual(GIVEN_UP);
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
      const causes = seen.steps.map(([name]) => {
        const { metadata, error } = seen.results(name);
        return [name, metadata.error_code, error?.error_type];
      });
      expect(causes).toEqual([
        ['hopeless_config', 'ERR_CONFIG_SCHEMA', 'validation_error'],
        ['hopeless_denied', 'ERR_GRANT_MISSING', 'permanent_error'],
        ['hopeless_endless', 'ERR_LIMIT_FUEL', 'handler_error'],
        ['hopeless_gone', 'http_status', 'permanent_error'],
        ['hopeless_reference', 'ERR_REFERENCE_UNRESOLVED', 'validation_error'],
        ['hopeless_trap', 'ERR_GUEST_TRAP', 'handler_panic'],
        ['hopeless_unknown', 'ERR_HANDLER_UNKNOWN', 'handler_not_found'],
      ]);
    });
  });
}
