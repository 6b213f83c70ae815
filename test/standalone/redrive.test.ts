import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connections, openConnections } from '../../src/standalone/engine/connections.ts';
import { takeMessage } from '../../src/standalone/engine/messages.ts';
import { processResult } from '../../src/standalone/engine/results.ts';
import { EngineHarness } from './support/engine-harness.ts';

let harness: EngineHarness;
beforeEach(async () => {
  harness = await EngineHarness.open();
});
afterEach(async () => {
  await harness.close();
});

class Killed extends Error {}

/** Connections of an engine that dies before its access number `accesses` to the database, counted from 0. */
function dyingBefore(connections: Connections, accesses: number): Connections {
  let done = 0;
  const count = (): void => {
    if (done++ >= accesses) throw new Killed();
  };
  return {
    ...connections,
    inWave: async (work) => {
      count();
      return connections.inWave(work);
    },
    withClient: async (work) => {
      count();
      return connections.withClient(work);
    },
  };
}

/** What a broker does about a step that is enqueued without a message (hazard 5). */
async function sendMissingMessages(): Promise<void> {
  await harness.client.query(
    `SELECT pgmq.send($1, jsonb_build_object('task_uuid', ws.task_uuid, 'step_uuid', ws.workflow_step_uuid,
                                             'correlation_id', gen_random_uuid()))
       FROM tasker.workflow_steps ws JOIN tasker.workflow_step_transitions st USING (workflow_step_uuid)
      WHERE st.most_recent AND st.to_state = 'enqueued'
        AND NOT EXISTS (SELECT FROM pgmq.q_${harness.worker.queue} q
                         WHERE q.message->>'step_uuid' = ws.workflow_step_uuid::text)`,
    [harness.worker.queue],
  );
}

/** Accesses of one result of a decision, from reading it to the task's new state. */
const ACCESSES = 13;

describe('an engine that was killed while it processed a result', () => {
  it.each(Array.from({ length: ACCESSES + 1 }, (_, accesses) => accesses))(
    'before its access %i to the database, is continued by one that redrives',
    async (accesses) => {
      await harness.worker.register('routed', [
        { name: 'rate' },
        { name: 'choose', type: 'decision', dependencies: ['rate'] },
        { name: 'publish', dependencies: ['choose'] },
      ]);
      const { taskUuid } = await harness.submit('routed');
      await harness.run('rate');
      const choose = await harness.claimNext();
      await harness.resultsDrained();
      await harness.engine.stop();
      await harness.worker.complete(choose, {
        value: { decision_point_outcome: { type: 'create_steps', step_names: ['publish'] } },
      });

      const connections = openConnections({ databaseUrl: harness.database.url });
      const taken = await connections.withClient((client) =>
        takeMessage(client, 'orchestration_step_results'),
      );
      const outcome = await processResult(dyingBefore(connections, accesses), taken?.message).then(
        () => 'finished',
        (error: unknown) => (error instanceof Killed ? 'killed' : String(error)),
      );
      expect(outcome).toBe(accesses === ACCESSES ? 'finished' : 'killed');
      await connections.pool.end();

      await harness.restart({ redrive: true });
      await harness.stepState(taskUuid, 'publish', 'enqueued');
      await harness.resultsDrained();
      await sendMissingMessages();
      await harness.run('publish');
      const task = await harness.status(taskUuid, 'complete');
      expect(task.steps.map(({ name, attempts }) => [name, attempts])).toEqual([
        ['rate', 1],
        ['choose', 1],
        ['publish', 1],
      ]);
    },
  );
});
