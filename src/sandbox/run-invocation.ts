import type { Artifact } from '../catalog/artifact.ts';
import { BrokerError } from '../errors.ts';
import type { Boundary } from '../host/host-call.ts';
import type { Abi } from '../model/abi.ts';
import { Grants } from '../model/grant.ts';
import type { Limits, PartialLimits } from '../model/limits.ts';
import type { Outcome } from '../model/outcome.ts';
import { parseOrThrow } from '../model/parse.ts';
import type { Tier } from '../model/tier.ts';
import type { ExecuteOptions } from './execute-options.ts';
import type { Job } from './lanes/job.ts';
import type { Lanes } from './lanes/lanes.ts';
import { scannedLogs } from './leak-scan.ts';
import { missingGrant } from './missing-grant.ts';
import { outcomeOf } from './outcome.ts';
import { prepareJob } from './prepare-job.ts';
import { tapeOf } from './tape/tape-of.ts';
import { locateTrap } from './trap-place.ts';

/** What an invocation meets. */
export interface Meets {
  readonly lanes: Pick<Lanes, 'submit' | 'cancel'>;
  readonly limitsFor: (artifact: Artifact, asked?: PartialLimits) => Limits;
  readonly tierOf: (handler: string, abi: Abi) => Tier;
  readonly boundary: Boundary;
}

const NO_GRANTS: Grants = Object.freeze([]);

/** One invocation on the lanes it is given. See `Sandbox.execute`. */
export async function runInvocation(
  { lanes, limitsFor, tierOf, boundary }: Meets,
  artifact: Artifact,
  options: ExecuteOptions,
): Promise<Outcome> {
  const limits = limitsFor(artifact, options.limits);
  const grants =
    options.grants === undefined
      ? NO_GRANTS
      : parseOrThrow(Grants, options.grants, 'ERR_CONFIG_INVALID', 'grants');
  const handler = options.handler ?? artifact.manifest?.name ?? 'HANDLER';
  const missing = missingGrant(artifact, grants, handler);
  if (missing !== null) throw new BrokerError(missing.code, missing.message);
  const prepared = prepareJob(artifact, { handler, grants, limits }, options, boundary);
  return new Promise((resolve) => {
    const job: Job = {
      ...prepared,
      tier: tierOf(handler, artifact.abi),
      done: (end) => {
        options.signal?.removeEventListener('abort', cancel);
        if ('reported' in end) {
          for (const { level, message } of scannedLogs(end.reported.logs, job.authority)) {
            options.onLog?.(level, message);
          }
        }
        const outcome = outcomeOf(job, end);
        if (job.recorder !== null) options.onTape?.(tapeOf(job, outcome, job.recorder));
        resolve(outcome.kind === 'trapped' ? locateTrap(outcome, artifact) : outcome);
      },
    };
    const cancel = () => lanes.cancel(job);
    options.signal?.addEventListener('abort', cancel, { once: true });
    lanes.submit(job);
    if (options.signal?.aborted === true) cancel();
  });
}
