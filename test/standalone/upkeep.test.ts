import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineHarness } from './support/engine-harness.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let harness: EngineHarness;
beforeEach(async () => {
  harness = await EngineHarness.open();
});
afterEach(async () => {
  await harness.close();
});

async function runningTask(lifecycle = {}): Promise<string> {
  await harness.worker.register('single', [{ name: 'only' }]);
  await harness.client.query(
    `UPDATE tasker.named_tasks SET configuration = configuration || jsonb_build_object('lifecycle', $1::jsonb)`,
    [JSON.stringify(lifecycle)],
  );
  return (await harness.submit('single')).taskUuid;
}

describe('a task that stays in one state', () => {
  beforeEach(() => harness.restart({ sweepMs: MINUTE_MS }));

  it('for 30 minutes in process goes to error and the dead-letter queue', async () => {
    const taskUuid = await runningTask();
    harness.nowMs += 29 * MINUTE_MS;
    await harness.idleRound();
    expect((await harness.engine.task(taskUuid)).status).toBe('steps_in_process');
    harness.nowMs += 2 * MINUTE_MS;
    expect(await harness.event('task_stale')).toMatchObject({ taskUuid, state: 'steps_in_process' });
    await harness.status(taskUuid, 'error');
    const { rows } = await harness.client.query(
      'SELECT task_uuid, original_state, dlq_reason, resolution_status FROM tasker.tasks_dlq',
    );
    expect(rows).toEqual([
      {
        task_uuid: taskUuid,
        original_state: 'steps_in_process',
        dlq_reason: 'staleness_timeout',
        resolution_status: 'pending',
      },
    ]);
  });

  it('may stay longer when its template says so, but not longer than a day', async () => {
    const taskUuid = await runningTask({ max_steps_in_process_minutes: 3000 });
    harness.nowMs += DAY_MS - MINUTE_MS;
    await harness.idleRound();
    expect((await harness.engine.task(taskUuid)).status).toBe('steps_in_process');
    harness.nowMs += 2 * MINUTE_MS;
    await harness.status(taskUuid, 'error');
  });

  it('stays so under an engine that redrives', async () => {
    await harness.restart({ sweepMs: MINUTE_MS, redrive: true });
    const taskUuid = await runningTask();
    harness.nowMs += DAY_MS;
    await harness.idleRound();
    expect((await harness.engine.task(taskUuid)).status).toBe('steps_in_process');
  });
});

describe('retention', () => {
  const count = async (table: string): Promise<number> => {
    const { rows } = await harness.client.query<{ rows: number }>(
      `SELECT count(*)::integer AS rows FROM ${table}`,
    );
    return rows[0]?.rows ?? -1;
  };
  const TABLES = [
    'tasker.tasks',
    'tasker.task_transitions',
    'tasker.workflow_steps',
    'tasker.workflow_step_transitions',
    'tasker.workflow_step_result_audit',
  ];

  it('deletes finished tasks with all their rows, and archived messages, when they are old enough', async () => {
    const retention = { finishedTasksMs: DAY_MS, archivedMessagesMs: 2 * DAY_MS };
    await harness.restart({ sweepMs: MINUTE_MS, retention });
    const finished = await runningTask();
    await harness.run('only');
    await harness.status(finished, 'complete');
    await harness.resultsDrained();
    harness.nowMs += DAY_MS / 2;
    await harness.idleRound();
    expect(await count('tasker.tasks')).toBe(1);
    harness.nowMs += DAY_MS;
    expect(await harness.event('pruned')).toMatchObject({ tasks: 1 });
    for (const table of TABLES) expect([table, await count(table)]).toEqual([table, 0]);
    expect(await count('pgmq.a_orchestration_step_results')).toBe(1);
    harness.nowMs += DAY_MS;
    for (const archive of ['orchestration_step_results', harness.worker.queue]) {
      await harness.eventually(`an empty archive of ${archive}`, async () =>
        (await count(`pgmq.a_${archive}`)) === 0 ? true : null,
      );
    }
  });

  it('keeps tasks that have not ended', async () => {
    const retention = { finishedTasksMs: 0, archivedMessagesMs: 0 };
    await harness.restart({ sweepMs: MINUTE_MS, retention, redrive: true });
    await runningTask();
    harness.nowMs += 100 * DAY_MS;
    await harness.idleRound();
    expect(await count('tasker.tasks')).toBe(1);
  });

  it('keeps everything when there is none', async () => {
    await harness.restart({ sweepMs: MINUTE_MS, retention: null });
    const taskUuid = await runningTask();
    await harness.run('only');
    await harness.status(taskUuid, 'complete');
    harness.nowMs += 1000 * DAY_MS;
    await harness.idleRound();
    expect(await count('tasker.tasks')).toBe(1);
  });
});
