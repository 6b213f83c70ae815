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
import type { Job, JobEnd } from './lanes/job.ts';
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
export function runInvocation(meets: Meets, artifact: Artifact, options: ExecuteOptions): Promise<Outcome> {
  // What is thrown here, before the job is on its way, rejects the promise.
  return new Promise((resolve, reject) => {
    const { lanes, tierOf } = meets;
    const { signal } = options;
    const prepared = prepare(meets, artifact, options);
    let isDone = false;
    const job: Job = {
      ...prepared,
      tier: tierOf(prepared.authority.handler, artifact.abi),
      done: (end) => {
        isDone = true;
        if (signal !== undefined) signal.removeEventListener('abort', cancel);
        // A listener's fault is its caller's, not the lane's.
        try {
          resolve(settle(job, end, options));
        } catch (error) {
          reject(error);
        }
      },
    };
    const cancel = () => lanes.cancel(job);
    lanes.submit(job);
    if (signal === undefined || isDone) return;
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
}

/** Throws a `BrokerError` for what the caller did. */
function prepare(
  { limitsFor, boundary }: Meets,
  artifact: Artifact,
  options: ExecuteOptions,
): Omit<Job, 'done' | 'tier'> {
  const limits = limitsFor(artifact, options.limits);
  const grants =
    options.grants === undefined
      ? NO_GRANTS
      : parseOrThrow(Grants, options.grants, 'ERR_CONFIG_INVALID', 'grants');
  const handler = options.handler ?? artifact.manifest?.name ?? 'HANDLER';
  const missing = missingGrant(artifact, grants, handler);
  if (missing !== null) throw new BrokerError(missing.code, missing.message);
  return prepareJob(artifact, { handler, grants, limits }, options, boundary);
}

/** Tells logs and tape of a job that ended, and makes its outcome. Throws what `onLog` and `onTape` throw. */
function settle(job: Job, end: JobEnd, { onLog, onTape }: ExecuteOptions): Outcome | Promise<Outcome> {
  if ('reported' in end && onLog !== undefined) {
    for (const { level, message } of scannedLogs(end.reported.logs, job.authority)) onLog(level, message);
  }
  const outcome = outcomeOf(job, end);
  if (job.recorder !== null) onTape?.(tapeOf(job, outcome, job.recorder));
  return outcome.kind === 'trapped' ? locateTrap(outcome, job.artifact) : outcome;
}
