import { Admission } from '../catalog/admission/admission.ts';
import type { Artifact } from '../catalog/artifact.ts';
import { ArtifactCache } from '../catalog/artifact-cache.ts';
import { BrokerError } from '../errors.ts';
import { createBoundary } from '../host/boundary.ts';
import type { Boundary, HostServices } from '../host/host-call.ts';
import { Grants } from '../model/grant.ts';
import { clampLimits, completeLimits, type Limits, PartialLimits } from '../model/limits.ts';
import { Manifest } from '../model/manifest.ts';
import type { Outcome } from '../model/outcome.ts';
import { parseOrThrow } from '../model/parse.ts';
import type { ExecuteOptions } from './execute-options.ts';
import type { Job } from './lanes/job.ts';
import { LanePool } from './lanes/lane-pool.ts';
import { scannedLogs } from './leak-scan.ts';
import { missingGrant } from './missing-grant.ts';
import { outcomeOf } from './outcome.ts';
import { prepareJob } from './prepare-job.ts';
import { tapeOf } from './tape/tape-of.ts';

export type { ExecuteOptions } from './execute-options.ts';

export interface SandboxOptions {
  /** Worker threads. Default 1. */
  readonly lanes?: number;
  /** Invocations one lane may have in flight; more than one pays when handlers wait for host calls. Default 64. */
  readonly inFlightPerLane?: number;
  /** Ceilings for every invocation; what is left out is taken from `DEFAULT_LIMITS`. */
  readonly limits?: PartialLimits;
  /** What host calls act through. Without it, no call that leaves the sandbox can succeed. */
  readonly host?: HostServices;
  readonly onLaneReady?: (lane: number) => void;
  readonly onLaneLost?: (lane: number, reason: string) => void;
}

/** Runs WebAssembly handlers, each invocation in a fresh instance. */
export interface Sandbox {
  /** Checks, meters and compiles a module, in a child process with limits. Rejects with a `BrokerError` that says what is wrong with it. */
  admit(bytes: Uint8Array, manifest?: unknown): Promise<Artifact>;
  /**
   * Runs one invocation. Whatever the guest does, it resolves to an `Outcome`; it rejects only for what the caller did
   * (input that is not JSON, limits that are not limits, a grant the module needs and was not given).
   */
  execute(artifact: Artifact, options: ExecuteOptions): Promise<Outcome>;
  /** Waits for running invocations, then ends every thread and every connection of the HTTP client. */
  close(): Promise<void>;
}

/** What host calls find when the sandbox's user supplied nothing: nobody to ask. */
const NO_SERVICES: HostServices = Object.freeze({
  http: Object.freeze({
    exchange: async () =>
      ({
        kind: 'failure',
        code: 'ERR_HTTP_FAILED',
        message: 'this sandbox was created without an HTTP client',
      }) as const,
    close: async () => {},
  }),
  secrets: Object.freeze({ get: async () => null }),
});

/** A sandbox that needs neither Tasker nor a queue nor a database. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const ceiling: Limits = completeLimits(checkedLimits(options.limits));
  const host = options.host ?? NO_SERVICES;
  const boundary = createBoundary(host);
  const pool = new LanePool({
    lanes: options.lanes ?? 1,
    slotsPerLane: options.inFlightPerLane ?? 64,
    ...(options.onLaneReady && { onLaneReady: options.onLaneReady }),
    ...(options.onLaneLost && { onLaneLost: options.onLaneLost }),
  });
  const admission = new Admission(ceiling);
  const artifacts = new ArtifactCache((bytes) => admission.prepare(bytes));
  const limitsFor = limitsMemo(ceiling);
  return Object.freeze({
    admit: async (bytes: Uint8Array, manifest?: unknown) =>
      artifacts.admit(
        bytes,
        manifest == null ? null : parseOrThrow(Manifest, manifest, 'ERR_MANIFEST_INVALID', 'manifest'),
      ),
    execute: (artifact: Artifact, execute: ExecuteOptions) =>
      run(pool, boundary, limitsFor, artifact, execute),
    close: async () => {
      admission.close();
      await pool.close();
      await host.http.close();
    },
  });
}

const NO_GRANTS: Grants = Object.freeze([]);

const LIMITS_KEPT_MAX = 256;

/** Limits of an invocation. The same object for the same ones: a lane is told a set of limits once. */
function limitsMemo(ceiling: Limits): (artifact: Artifact, asked?: PartialLimits) => Limits {
  const usual = new WeakMap<Artifact, Limits>();
  const byValue = new Map<string, Limits>();
  return (artifact, asked) => {
    const known = asked === undefined ? usual.get(artifact) : undefined;
    if (known !== undefined) return known;
    const clamped = clampLimits(ceiling, artifact.manifest?.limits, checkedLimits(asked));
    const key = Object.values(clamped).join();
    const limits = byValue.get(key) ?? clamped;
    if (byValue.size >= LIMITS_KEPT_MAX) byValue.clear();
    byValue.set(key, limits);
    if (asked === undefined) usual.set(artifact, limits);
    return limits;
  };
}

async function run(
  pool: LanePool,
  performing: Boundary,
  limitsFor: (artifact: Artifact, asked?: PartialLimits) => Limits,
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
  const prepared = prepareJob(artifact, { handler, grants, limits }, options, performing);
  return new Promise((resolve) => {
    const job: Job = {
      ...prepared,
      done: (end) => {
        options.signal?.removeEventListener('abort', cancel);
        if ('reported' in end) {
          for (const { level, message } of scannedLogs(end.reported.logs, job.authority)) {
            options.onLog?.(level, message);
          }
        }
        const outcome = outcomeOf(job, end);
        if (job.recorder !== null) options.onTape?.(tapeOf(job, outcome, job.recorder));
        resolve(outcome);
      },
    };
    const cancel = () => pool.cancel(job);
    options.signal?.addEventListener('abort', cancel, { once: true });
    pool.submit(job);
    if (options.signal?.aborted === true) cancel();
  });
}

function checkedLimits(limits: PartialLimits | undefined): PartialLimits {
  return parseOrThrow(PartialLimits, limits ?? {}, 'ERR_CONFIG_INVALID', 'limits');
}
