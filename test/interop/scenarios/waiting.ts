import { describe, expect, it } from 'vitest';
import { GIVEN_UP, type Interop, type Observed } from '../interop.ts';

const PATIENT = { timeout_ms: 240_000, if_late: 'fail', if_rejected: 'fail' };

/** A step that waits for a person is in progress to Tasker, uses one attempt, and ends with what was decided. */
export function waitingScenarios(interop: () => Interop): void {
  const submitted = async (context = PATIENT): Promise<{ taskUuid: string; stepUuid: string }> => {
    const { taskUuid } = await interop().submit('waiting', context);
    return { taskUuid, stepUuid: await interop().waits(taskUuid) };
  };
  const gate = ({ steps }: Observed) => steps.find(([name]) => name === 'waiting_gate');

  describe('waiting for a person', () => {
    it('goes on with the approval', async () => {
      const { taskUuid, stepUuid } = await submitted();
      expect(gate(await interop().observe(taskUuid))).toEqual(['waiting_gate', 'in_progress', 1]);
      await interop().decide(stepUuid, 'approved');
      const seen = await interop().ended(taskUuid);
      expect(seen.task.status).toBe('complete');
      expect(gate(seen)).toEqual(['waiting_gate', 'complete', 1]);
      expect(seen.results('waiting_after').result).toEqual({ decision: 'approved', by: 'interop' });
    });

    it('fails for good with the rejection, or goes on with it where the step says so', async () => {
      const failing = await submitted();
      await interop().decide(failing.stepUuid, 'rejected');
      const failed = await interop().ended(failing.taskUuid);
      expect(failed.task.status).toEqual(GIVEN_UP);
      expect(gate(failed)).toEqual(['waiting_gate', 'error', 1]);
      expect(failed.results('waiting_gate').metadata.error_code).toBe('ERR_WAIT_REJECTED');

      const completing = await submitted({ ...PATIENT, if_rejected: 'complete' });
      await interop().decide(completing.stepUuid, 'rejected');
      const completed = await interop().ended(completing.taskUuid);
      expect(completed.task.status).toBe('complete');
      expect(completed.results('waiting_after').result).toEqual({ decision: 'rejected', by: 'interop' });
    });

    it('ends when the time is over, as the step says', async () => {
      const [failed, approved] = await Promise.all([
        interop().run('waiting', { ...PATIENT, timeout_ms: 200 }),
        interop().run('waiting', { ...PATIENT, timeout_ms: 200, if_late: 'approve' }),
      ]);
      expect(gate(failed)).toEqual(['waiting_gate', 'error', 1]);
      expect(failed.results('waiting_gate').metadata.error_code).toBe('ERR_WAIT_TIMEOUT');
      expect(approved.task.status).toBe('complete');
      expect(approved.results('waiting_after').result).toEqual({ decision: 'approved', by: null });
    });

    it('is over with its task, and a decision that comes later is refused', async () => {
      const { taskUuid, stepUuid } = await submitted();
      await interop().rest.cancel(taskUuid);
      await expect(interop().decide(stepUuid, 'approved')).rejects.toMatchObject({
        code: 'ERR_WAIT_UNKNOWN',
      });
      const seen = await interop().observe(taskUuid);
      expect(seen.task.status).toBe('cancelled');
      expect(gate(seen)).toEqual(['waiting_gate', 'cancelled', 1]);
    });

    it('holds up no retry beside it', async () => {
      const { taskUuid } = await interop().submit('waiting_beside_retry');
      const stepUuid = await interop().waits(taskUuid);
      const meanwhile = await interop().until(taskUuid, ({ steps }) => steps[0]?.[1] === 'complete');
      expect(meanwhile.steps).toEqual([
        ['beside_failing', 'complete', 2],
        ['beside_gate', 'in_progress', 1],
      ]);
      await interop().decide(stepUuid, 'approved');
      expect((await interop().ended(taskUuid)).task.status).toBe('complete');
    });
  });
}
