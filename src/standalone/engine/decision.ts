import type { Connections } from './connections.ts';
import { branchesOf } from './graph.ts';
import { templateOfTask } from './named-task.ts';
import { readDecision, type StepResult } from './step-result.ts';
import { loadStep } from './step-row.ts';
import { createEdges, createSteps } from './steps.ts';

/** An outcome that asks for something the template does not allow. */
export class OutcomeRefused extends Error {}

/** Creates the branches that a decision step chose, in one transaction; does nothing for any other step. */
export async function createBranches(
  { inWave }: Connections,
  stepUuid: string,
  result: StepResult,
): Promise<void> {
  await inWave(async ({ client }) => {
    const step = await loadStep(client, stepUuid);
    if (step === null) return;
    const template = await templateOfTask(client, step.taskUuid);
    if (template.steps.find(({ name }) => name === step.name)?.type !== 'decision') return;
    const asked = readDecision(result);
    if (asked === null) throw new OutcomeRefused('the result has no readable decision_point_outcome');
    if (asked.length === 0) return;
    const branches = branchesOf(template, step.name, asked);
    if (!branches.allowed) throw new OutcomeRefused(branches.reason);
    const created = await createSteps(client, step.taskUuid, branches.steps);
    // As in Tasker: a convergence step waits for those of its dependencies that this decision created; any other step
    // takes a dependency that was not created now to be the decision itself.
    await createEdges(client, branches.steps, created, (branch) =>
      branch.type === 'deferred_convergence' ? null : step.stepUuid,
    );
  });
}
