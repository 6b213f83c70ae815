import * as z from 'zod';
import { messageOf } from '../../errors.ts';
import { createBatches } from './batch.ts';
import type { Connections } from './connections.ts';
import { coordinateTask, NotCoordinated } from './coordinate.ts';
import { createBranches } from './decision.ts';
import { settleStep, storeBackoff } from './settle.ts';
import { readStepResult, type StepResult, statusOf } from './step-result.ts';
import { loadStep } from './step-row.ts';

/** A message of queue `orchestration_step_results`: a claim check, the result is in the step's row. */
const ResultMessage = z.object({ task_uuid: z.guid(), step_uuid: z.guid(), correlation_id: z.guid() });

/** A message or result that Tasker cannot read: its message stays and comes again, for ever (hazard 3). */
export class UnreadableResult extends Error {}

/** The task that a message of queue `orchestration_task_finalizations` names. @throws UnreadableResult */
export function readTaskUuid(message: unknown): string {
  // untrusted: whoever can write to the queue can write anything into it
  const parsed = z.object({ task_uuid: z.guid() }).safeParse(message);
  if (!parsed.success) throw new UnreadableResult('the message has no task_uuid');
  return parsed.data.task_uuid;
}

/**
 * Processes one result message in Tasker's order (worker protocol §4.4): backoff, the step's transition, branches and
 * batches, then the task; each commits by itself, so that a crash leaves what was done. What the worker stored is read
 * from the step's row, never from the message; for a step that is settled already only branches, batches and the task
 * are looked at again.
 *
 * @throws UnreadableResult; NotCoordinated unless the result says `failed`, for which Tasker swallows it
 */
export async function processResult(connections: Connections, message: unknown): Promise<void> {
  const { stepUuid, result } = await hydrate(connections, message);
  const status = statusOf(result);
  try {
    if (result.orchestration_metadata) {
      await storeBackoff(connections, stepUuid, result.orchestration_metadata.headers);
    }
    await settleStep(connections, stepUuid, result);
    if (status === 'completed') await createSuccessors(connections, stepUuid, result);
    const step = await connections.withClient((client) => loadStep(client, stepUuid));
    if (step === null) throw new NotCoordinated(`there is no step ${stepUuid}, which the result names`);
    await coordinateTask(connections, step.taskUuid);
  } catch (error) {
    if (status === 'failed' && error instanceof NotCoordinated) return;
    throw error;
  }
}

async function hydrate(
  { withClient }: Connections,
  message: unknown,
): Promise<{ stepUuid: string; result: StepResult }> {
  // untrusted: whoever can write to the queue can write anything into it
  const parsed = ResultMessage.safeParse(message);
  if (!parsed.success) {
    throw new UnreadableResult('the message is not {task_uuid, step_uuid, correlation_id}');
  }
  const { step_uuid } = parsed.data;
  const row = await withClient((client) => loadStep(client, step_uuid));
  if (row === null) throw new UnreadableResult(`there is no step ${step_uuid}`);
  if (row.results === null) throw new UnreadableResult(`step ${step_uuid} has no results`);
  // untrusted: the result comes from a worker, and its content from a guest
  const { result, reason } = readStepResult(row.results);
  if (result === null) throw new UnreadableResult(reason);
  // As in Tasker the step is the one that the result names, which a worker may have got wrong.
  return { stepUuid: result.step_uuid, result };
}

/** A wrong outcome is only reported: the workflow goes on without the branches. */
async function createSuccessors(
  connections: Connections,
  stepUuid: string,
  result: StepResult,
): Promise<void> {
  for (const create of [createBranches, createBatches]) {
    try {
      await create(connections, stepUuid, result);
    } catch (error) {
      const step = await connections.withClient((client) => loadStep(client, stepUuid));
      if (step === null) return;
      const { taskUuid, name } = step;
      connections.emit({ type: 'outcome_refused', taskUuid, name, reason: messageOf(error) });
    }
  }
}
