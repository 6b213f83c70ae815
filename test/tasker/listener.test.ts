import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture } from './fixture.ts';

/** Long enough that a test which relied on it would time out. */
const NEVER_MS = 3_600_000;

describe('waking up', () => {
  let fixture: Fixture;
  let queue: TaskerQueue | undefined;
  let problems: string[];

  beforeEach(async () => {
    fixture = await createFixture();
    problems = [];
  });

  afterEach(async () => {
    await queue?.close();
    await fixture.close();
  });

  const start = async (pollMs: number): Promise<TaskerQueue> => {
    queue = await createTaskerQueue({
      databaseUrl: fixture.url,
      namespace: fixture.namespace,
      pollMs,
      onError: ({ code }) => problems.push(code),
    });
    return queue;
  };

  const nextReady = (from: TaskerQueue): Promise<void> =>
    new Promise((resolve) => {
      const stop = from.onReady(() => {
        stop();
        resolve();
      });
    });

  const endListeningSessions = () =>
    fixture.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
    );

  it('happens by notification, without a poll', async () => {
    const started = await start(NEVER_MS);
    const task = await fixture.createTask();
    const ready = nextReady(started);
    await task.addStep('greet');
    await ready;
    expect(await started.claim(1)).toHaveLength(1);
  });

  it('happens by poll where nobody notifies', async () => {
    const started = await start(20);
    const task = await fixture.createTask();
    await task.addStep('greet', { message: false });
    await fixture.query(
      `SELECT pgmq.send($1, jsonb_build_object('task_uuid', task_uuid, 'step_uuid', workflow_step_uuid, 'correlation_id', task_uuid)) FROM workflow_steps`,
      [fixture.queue],
    );
    await nextReady(started);
    expect(await started.claim(1)).toHaveLength(1);
  });

  it('goes on by poll while the listening session is lost', async () => {
    const started = await start(20);
    await endListeningSessions();
    const task = await fixture.createTask();
    await task.addStep('greet');
    await nextReady(started);
    expect(await started.claim(1)).toHaveLength(1);
  });

  it('happens by notification again after the listening session was lost, with the instance known', async () => {
    const started = await start(NEVER_MS);
    await fixture.query(`DELETE FROM wasm_broker.instances`);
    const reconnected = nextReady(started);
    await endListeningSessions();
    await reconnected;
    expect(problems).toEqual(['ERR_DATABASE_UNAVAILABLE']);
    expect(await fixture.query(`SELECT worker_uuid::text AS id FROM wasm_broker.instances`)).toEqual([
      { id: started.workerUuid },
    ]);
    expect(
      await fixture.query(
        `SELECT count(*)::int AS locks FROM pg_locks l JOIN pg_database d ON d.oid = l.database
          WHERE l.locktype = 'advisory' AND d.datname = current_database()`,
      ),
    ).toEqual([{ locks: 1 }]);
    const task = await fixture.createTask();
    const ready = nextReady(started);
    await task.addStep('greet');
    await ready;
    expect(await started.claim(1)).toHaveLength(1);
  });

  it('stops for a listener that unsubscribed and for all when the queue closes', async () => {
    const started = await start(NEVER_MS);
    let calls = 0;
    const stop = started.onReady(() => calls++);
    stop();
    const task = await fixture.createTask();
    const ready = nextReady(started);
    await task.addStep('greet');
    await ready;
    expect(calls).toBe(0);
    await started.close();
    await started.close();
    expect(await started.claim(1)).toEqual([]);
    expect(
      await fixture.query(
        `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'wasm-broker' AND query LIKE 'LISTEN%'`,
      ),
    ).toEqual([]);
  });
});
