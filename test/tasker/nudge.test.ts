import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture, moveStep, type Task } from './fixture.ts';

const RESULTS = 'orchestration_step_results';
const SUCCESS = {
  success: true,
  output: 1,
  error: null,
  handlerVersion: null,
  startedAtMs: 0,
  executionMs: 0,
  custom: {},
};

/** What a broker that starts sends to the orchestrator about tasks that nobody looks at. */
describe('a task that no poller of the orchestrator reads', () => {
  let fixture: Fixture;

  beforeEach(async () => {
    fixture = await createFixture();
  });

  afterEach(() => fixture.close());

  /** Claims the one step that is enqueued and settles it, then lets the orchestrator finish it. */
  const completeOne = async (): Promise<void> => {
    const queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    const [step] = await queue.claim(1);
    if (step === undefined) throw new Error('nothing claimed');
    await queue.settle(step, SUCCESS);
    await queue.close();
    await moveStep(fixture, step.invocation.stepUuid, 'complete');
    await fixture.query('UPDATE workflow_steps SET processed = true WHERE workflow_step_uuid = $1', [
      step.invocation.stepUuid,
    ]);
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [RESULTS]);
  };

  const nudgesOfAStart = async (): Promise<string[]> => {
    await (await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace })).close();
    return (await fixture.messages(RESULTS)).map((message) => message['step_uuid'] ?? '');
  };

  const age = (task: Task, seconds: number) =>
    fixture.query(
      `UPDATE task_transitions SET created_at = created_at - $2::int * interval '1 second'
        WHERE task_uuid = $1 AND most_recent`,
      [task.taskUuid, seconds],
    );

  it('hazard 4: is nudged with a plain step when everything has been over for ten seconds', async () => {
    const task = await fixture.createTask();
    const step = await task.addStep('greet');
    await completeOne();
    expect(await nudgesOfAStart()).toEqual([]);
    await age(task, 11);
    expect(await nudgesOfAStart()).toEqual([step]);
    // One message is enough, however often brokers start.
    expect(await nudgesOfAStart()).toEqual([step]);
  });

  it('hazard 4: is never nudged with a decision, whose outcome would be processed twice', async () => {
    const task = await fixture.createTask({
      steps: [
        { name: 'greet', type: 'decision', dependencies: ['x'], handler: { callable: 'x' } },
        { name: 'x', handler: { callable: 'x' } },
      ],
    });
    await task.addStep('greet');
    const queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
    const [step] = await queue.claim(1);
    if (step === undefined) throw new Error('nothing claimed');
    await queue.settle(step, { ...SUCCESS, output: { decision_point_outcome: { type: 'no_branches' } } });
    await queue.close();
    await moveStep(fixture, step.invocation.stepUuid, 'complete');
    await fixture.query('UPDATE workflow_steps SET processed = true');
    await fixture.query(`SELECT pgmq.purge_queue($1)`, [RESULTS]);
    await age(task, 60);
    expect(await nudgesOfAStart()).toEqual([]);
  });

  it.each(['enqueued', 'in_progress', 'enqueued_for_orchestration'])(
    'is left alone while another of its steps is %s',
    async (state) => {
      const task = await fixture.createTask({
        steps: ['greet', 'other'].map((name) => ({ name, handler: { callable: 'x' } })),
      });
      await task.addStep('greet');
      await completeOne();
      await task.addStep('other', { state, message: state === 'enqueued' });
      await age(task, 60);
      expect(await nudgesOfAStart()).toEqual([]);
    },
  );

  describe('with the retry of a step due beside a sibling that waits', () => {
    const EVALUATIONS = 'orchestration_task_finalizations';
    const steps = ['greet', 'waits', 'fails'].map((name) => ({ name, handler: { callable: 'x' } }));

    /** Whose retry is due so many seconds from now. */
    const failedStep = async (task: Task, dueInSeconds: number): Promise<string> => {
      const failed = await task.addStep('fails', { state: 'waiting_for_retry' });
      await fixture.query(
        `UPDATE workflow_steps SET attempts = 1, results = '{"status": "failed"}', backoff_request_seconds = 60,
                last_attempted_at = NOW() - (60 - $2::int) * interval '1 second' WHERE workflow_step_uuid = $1`,
        [failed, dueInSeconds],
      );
      return failed;
    };

    it.each(['steps_in_process', 'evaluating_results'])(
      'in %s is nudged with a step that is complete, whose message starts no backoff anew',
      async (taskState) => {
        const task = await fixture.createTask({ steps });
        const complete = await task.addStep('greet');
        await completeOne();
        await task.addStep('waits', { state: 'in_progress' });
        await failedStep(task, -1);
        await task.setState(taskState);
        expect(await nudgesOfAStart()).toEqual([complete]);
        expect(await fixture.messages(EVALUATIONS)).toEqual([]);
      },
    );

    it('in evaluating_results is put up for evaluation once when none of its steps is complete', async () => {
      const task = await fixture.createTask({ steps });
      await task.addStep('waits', { state: 'in_progress' });
      await failedStep(task, -1);
      await task.setState('evaluating_results');
      expect(await nudgesOfAStart()).toEqual([]);
      expect(await nudgesOfAStart()).toEqual([]);
      expect(await fixture.messages(EVALUATIONS)).toEqual([{ task_uuid: task.taskUuid }]);
    });

    it('in steps_in_process is brought to its evaluation by the failed step when none is complete', async () => {
      const task = await fixture.createTask({ steps });
      await task.addStep('waits', { state: 'in_progress' });
      const failed = await failedStep(task, -1);
      expect(await nudgesOfAStart()).toEqual([failed]);
      expect(await fixture.messages(EVALUATIONS)).toEqual([]);
    });

    it('is left alone before the retry is due', async () => {
      const task = await fixture.createTask({ steps });
      await task.addStep('waits', { state: 'in_progress' });
      await failedStep(task, 60);
      await task.setState('evaluating_results');
      expect(await nudgesOfAStart()).toEqual([]);
      expect(await fixture.messages(EVALUATIONS)).toEqual([]);
    });
  });
});
