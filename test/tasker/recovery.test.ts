import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrateBrokerSchema } from '../../src/tasker/broker-schema.ts';
import { createMorgue, holdInstance, type Instance } from '../../src/tasker/instances.ts';
import { createRecovery } from '../../src/tasker/recovery.ts';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { backdate, createFixture, type Fixture, moveStep, readStep, type Task } from './fixture.ts';

const RESULTS = 'orchestration_step_results';
/** Above the largest pid Linux hands out. */
const DEAD_PID = 2 ** 22 + 1;

describe('recovery', () => {
  let fixture: Fixture;
  let queues: TaskerQueue[];

  beforeEach(async () => {
    fixture = await createFixture();
    queues = [];
    await migrateBrokerSchema(fixture.database);
  });

  afterEach(async () => {
    for (const queue of queues) await queue.close();
    await fixture.close();
  });

  const startQueue = async (): Promise<TaskerQueue> => {
    const queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    queues.push(queue);
    return queue;
  };

  const addInstance = async (more: Partial<Instance> = {}): Promise<Instance> => {
    const instance = {
      workerUuid: randomUUID(),
      namespace: fixture.namespace,
      hostname: os.hostname(),
      pid: DEAD_PID,
      ...more,
    };
    await fixture.query(
      `INSERT INTO wasm_broker.instances (worker_uuid, namespace, hostname, pid, started_at) VALUES ($1, $2, $3, $4, NOW())`,
      [instance.workerUuid, instance.namespace, instance.hostname, instance.pid],
    );
    return instance;
  };

  /** A step as a claim of `workerUuid` left it. */
  const addRunningStep = async (task: Task, workerUuid: string | null): Promise<string> => {
    const stepUuid = await task.addStep('greet', { message: false });
    await moveStep(fixture, stepUuid, 'in_progress');
    await fixture.query(
      `UPDATE workflow_steps SET attempts = 2, in_process = true WHERE workflow_step_uuid = $1`,
      [stepUuid],
    );
    await fixture.query(
      `UPDATE workflow_step_transitions SET metadata = jsonb_strip_nulls(jsonb_build_object('worker_uuid', $2::text, 'attempt', 2))
        WHERE workflow_step_uuid = $1 AND most_recent`,
      [stepUuid, workerUuid],
    );
    return stepUuid;
  };

  const instances = async () =>
    (await fixture.query<{ id: string }>(`SELECT worker_uuid::text AS id FROM wasm_broker.instances`)).map(
      ({ id }) => id,
    );

  it('completes what a dead broker was running as a retryable failure that used up its attempt', async () => {
    const dead = await addInstance();
    const task = await fixture.createTask();
    const stepUuid = await addRunningStep(task, dead.workerUuid);
    await startQueue();
    expect(await readStep(fixture, stepUuid)).toMatchObject({
      state: 'enqueued_as_error_for_orchestration',
      attempts: 2,
      in_process: false,
      results: {
        success: false,
        metadata: { retryable: true, error_code: 'ERR_ORPHANED', worker_id: `worker_${dead.workerUuid}` },
        orchestration_metadata: { headers: { 'retry-after': '2' } },
      },
    });
    expect(await fixture.messages(RESULTS)).toMatchObject([{ step_uuid: stepUuid }]);
  });

  it('forgets the dead broker once the orchestrator has taken its results', async () => {
    const dead = await addInstance();
    const task = await fixture.createTask();
    const stepUuid = await addRunningStep(task, dead.workerUuid);
    await startQueue();
    expect(await instances()).toContain(dead.workerUuid);
    await moveStep(fixture, stepUuid, 'waiting_for_retry');
    const next = await startQueue();
    expect(await instances()).not.toContain(dead.workerUuid);
    expect(await instances()).toContain(next.workerUuid);
  });

  it('leaves the steps of a living broker alone, whatever its process id says', async () => {
    const alive = await addInstance();
    const session = await fixture.database.connect();
    await holdInstance(session, alive);
    const task = await fixture.createTask();
    const stepUuid = await addRunningStep(task, alive.workerUuid);
    await startQueue();
    expect((await readStep(fixture, stepUuid)).state).toBe('in_progress');
    await session.end();
  });

  it('leaves the steps of other kinds of workers alone', async () => {
    const task = await fixture.createTask();
    const ofRust = await addRunningStep(task, null);
    const other = await fixture.createTask();
    const ofStranger = await addRunningStep(other, randomUUID());
    await startQueue();
    expect((await readStep(fixture, ofRust)).state).toBe('in_progress');
    expect((await readStep(fixture, ofStranger)).state).toBe('in_progress');
  });

  it('leaves the brokers of another namespace alone', async () => {
    const dead = await addInstance({ namespace: 'other_namespace' });
    const task = await fixture.createTask();
    const stepUuid = await addRunningStep(task, dead.workerUuid);
    await startQueue();
    expect((await readStep(fixture, stepUuid)).state).toBe('in_progress');
  });

  it('gives a broker on another machine the grace period to reconnect', async () => {
    const far = await addInstance({ hostname: 'far-away' });
    const task = await fixture.createTask();
    const stepUuid = await addRunningStep(task, far.workerUuid);
    const self = {
      workerUuid: randomUUID(),
      namespace: fixture.namespace,
      hostname: os.hostname(),
      pid: process.pid,
    };
    let nowMs = 1_000_000;
    const recovery = createRecovery({
      database: fixture.database,
      namespace: fixture.namespace,
      morgue: createMorgue({ self, graceMs: 10_000, isProcessAlive: () => false }),
      now: () => nowMs,
      onStrandedSteps: () => {},
      onHeld: () => {},
      onError: (error) => {
        throw error;
      },
    });
    await recovery.run();
    nowMs += 9_999;
    await recovery.run();
    expect((await readStep(fixture, stepUuid)).state).toBe('in_progress');
    nowMs += 1;
    await recovery.run();
    expect((await readStep(fixture, stepUuid)).state).toBe('enqueued_as_error_for_orchestration');
  });

  it('starts the grace period anew when the broker came back meanwhile', async () => {
    const far = await addInstance({ hostname: 'far-away' });
    const self = { ...far, workerUuid: randomUUID(), hostname: 'here' };
    const morgue = createMorgue({ self, graceMs: 10_000, isProcessAlive: () => false });
    const { pool } = fixture.database;
    expect(await morgue.findDead(pool, 0)).toEqual([]);
    const session = await fixture.database.connect();
    await holdInstance(session, far);
    expect(await morgue.findDead(pool, 11_000)).toEqual([]);
    await session.end();
    // The server frees the lock when it notices the end of the session.
    await expect
      .poll(() =>
        fixture.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'
                               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`),
      )
      .toEqual([]);
    expect(await morgue.findDead(pool, 12_000)).toEqual([]);
    expect(await morgue.findDead(pool, 22_000)).toEqual([far.workerUuid]);
  });

  it('recovers at once what a broker left behind that closed with steps running', async () => {
    const first = await startQueue();
    const task = await fixture.createTask();
    const stepUuid = await task.addStep('greet');
    await first.claim(1);
    await first.close();
    await startQueue();
    expect(await readStep(fixture, stepUuid)).toMatchObject({
      state: 'enqueued_as_error_for_orchestration',
      results: { metadata: { error_code: 'ERR_ORPHANED' } },
    });
  });

  it('settles an orphan whose template step is gone as a permanent failure', async () => {
    const dead = await addInstance();
    const task = await fixture.createTask({ steps: [{ name: 'other', handler: { callable: 'x' } }] });
    const stepUuid = await addRunningStep(task, dead.workerUuid);
    await startQueue();
    expect((await readStep(fixture, stepUuid)).results).toMatchObject({
      metadata: { retryable: false, error_type: 'handler_not_found' },
    });
  });

  it('claims a step that is enqueued although no message announces it', async () => {
    const task = await fixture.createTask({
      steps: ['lost', 'fresh', 'announced'].map((name) => ({ name, handler: { callable: 'x' } })),
    });
    const lost = await task.addStep('lost', { message: false });
    await backdate(fixture, lost, 6);
    const fresh = await task.addStep('fresh', { message: false });
    const announced = await task.addStep('announced');
    await backdate(fixture, announced, 6);
    const queue = await startQueue();
    const claimed = (await queue.claim(10)).map(({ invocation }) => invocation.stepUuid);
    expect(claimed.sort()).toEqual([lost, announced].sort());
    expect((await readStep(fixture, fresh)).state).toBe('enqueued');
    expect(await fixture.messages()).toEqual([]);
  });

  it('sends the message again of a result that has waited without one', async () => {
    const own = await addInstance();
    const task = await fixture.createTask({
      steps: ['stranded', 'recent', 'announced', 'rust'].map((name) => ({
        name,
        handler: { callable: 'x' },
      })),
    });
    const settled = async (name: string, workerUuid: string, ageS: number) => {
      const stepUuid = await task.addStep(name, { message: false });
      await moveStep(fixture, stepUuid, 'enqueued_for_orchestration');
      await fixture.query(
        `UPDATE workflow_step_transitions SET metadata = jsonb_build_object('worker_uuid', $2::text)
          WHERE workflow_step_uuid = $1 AND most_recent`,
        [stepUuid, workerUuid],
      );
      await backdate(fixture, stepUuid, ageS);
      return stepUuid;
    };
    const stranded = await settled('stranded', own.workerUuid, 7);
    await settled('recent', own.workerUuid, 3);
    await settled('rust', randomUUID(), 7);
    const announced = await settled('announced', own.workerUuid, 7);
    await fixture.query(`SELECT pgmq.create($1)`, [RESULTS]);
    await fixture.query(`SELECT pgmq.send($1, jsonb_build_object('step_uuid', $2::text))`, [
      RESULTS,
      announced,
    ]);
    await startQueue();
    const sent = (await fixture.messages(RESULTS)).map(({ step_uuid }) => step_uuid);
    expect(sent.sort()).toEqual([announced, stranded].sort());
    await startQueue();
    expect(await fixture.messages(RESULTS)).toHaveLength(2);
  });
});
