import { afterAll, beforeAll, describe } from 'vitest';
import { type Interop, startInterop } from './interop.ts';
import { batchScenarios } from './scenarios/batches.ts';
import { cancellationScenarios } from './scenarios/cancellation.ts';
import { checkpointScenarios } from './scenarios/checkpoints.ts';
import { dagScenarios } from './scenarios/dags.ts';
import { decisionScenarios } from './scenarios/decisions.ts';
import { drainScenarios } from './scenarios/draining.ts';
import { failureScenarios } from './scenarios/failures.ts';
import { operatorScenarios } from './scenarios/operators.ts';
import { retryScenarios } from './scenarios/retries.ts';
import { waitingScenarios } from './scenarios/waiting.ts';
import type { Target } from './target.ts';

/** Registers every scenario, with one broker working on one target for all of them. */
export function describeInterop(name: string, openTarget: () => Promise<Target>): void {
  describe(name, { timeout: 120_000 }, () => {
    let running: Interop;
    beforeAll(async () => {
      running = await startInterop(await openTarget());
    });
    afterAll(() => running?.close());
    const interop = () => running;
    dagScenarios(interop);
    decisionScenarios(interop);
    batchScenarios(interop);
    checkpointScenarios(interop);
    retryScenarios(interop);
    failureScenarios(interop);
    waitingScenarios(interop);
    cancellationScenarios(interop);
    operatorScenarios(interop);
    drainScenarios(interop);
  });
}
