import { randomBytes } from 'node:crypto';
import { admitArtifact } from '../catalog/admission.ts';
import type { Artifact } from '../catalog/artifact.ts';
import { BrokerError } from '../errors.ts';
import { createBoundary } from '../host/boundary.ts';
import type { HostServices } from '../host/host-call.ts';
import { createUsedSecrets } from '../host/secrets/used-secrets.ts';
import { LOG_LEVELS, type LogLevel } from '../model/abi.ts';
import { type GrantInput, Grants, grantsOf } from '../model/grant.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { clampLimits, completeLimits, type Limits, PartialLimits } from '../model/limits.ts';
import { Manifest } from '../model/manifest.ts';
import type { Outcome } from '../model/outcome.ts';
import { parseOrThrow } from '../model/parse.ts';
import { jsonDocument } from './document.ts';
import type { Job } from './lanes/job.ts';
import { LanePool } from './lanes/lane-pool.ts';
import { scannedLogs } from './leak-scan.ts';
import { missingGrant } from './missing-grant.ts';
import { outcomeOf } from './outcome.ts';
import { epochMs } from './protocol.ts';

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

export interface ExecuteOptions {
  /** The input document: JSON text (string or UTF-8 bytes), or a JSON object or array. */
  readonly input: string | Uint8Array | JsonObject | JsonValue[];
  /** The handler's configuration. Default `{}`. */
  readonly config?: string | JsonObject;
  /** Facts about the step that the guest may read. Default `{}`. */
  readonly step?: JsonObject;
  /** What the invocation may do; nothing when left out. */
  readonly grants?: readonly GrantInput[];
  /** Ceilings below the sandbox's own. */
  readonly limits?: PartialLimits;
  /** The mark with which the configuration's secret references were resolved; without it no secret is put in. */
  readonly secretMark?: string;
  /** Name used in refusals; default the manifest's. */
  readonly handler?: string;
  /** What `get_time` answers, in milliseconds since the epoch; default the time of this call. */
  readonly timeMs?: number;
  /** 64 hexadecimal digits that randomness starts from; default: drawn anew. In the receipt. */
  readonly seed?: string;
  /** Tasker's namespace; what is cached is kept apart by it. Default ''. */
  readonly namespace?: string;
  /** Ends the invocation as aborted (ERR_ABORTED). */
  readonly signal?: AbortSignal;
  /** untrusted: messages the guest logged, after it ended. */
  readonly onLog?: (level: LogLevel, message: string) => void;
}

/** Runs WebAssembly handlers, each invocation in a fresh instance. */
export interface Sandbox {
  /** Checks, meters and compiles a module. Rejects with a `BrokerError` that says what is wrong with it. */
  admit(bytes: Uint8Array, manifest?: unknown): Promise<Artifact>;
  /**
   * Runs one invocation. Whatever the guest does, it resolves to an `Outcome`; it rejects only for what the caller did
   * (input that is not JSON, limits that are not limits, a grant the module needs and was not given).
   */
  execute(artifact: Artifact, options: ExecuteOptions): Promise<Outcome>;
  /** Waits for running invocations and ends every thread. */
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
  }),
  secrets: Object.freeze({ get: async () => null }),
});

/** A sandbox that needs neither Tasker nor a queue nor a database. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const ceiling: Limits = completeLimits(checkedLimits(options.limits));
  const pool = new LanePool({
    lanes: options.lanes ?? 1,
    slotsPerLane: options.inFlightPerLane ?? 64,
    boundary: createBoundary(options.host ?? NO_SERVICES),
    ...(options.onLaneReady && { onLaneReady: options.onLaneReady }),
    ...(options.onLaneLost && { onLaneLost: options.onLaneLost }),
  });
  return Object.freeze({
    admit: async (bytes: Uint8Array, manifest?: unknown) =>
      admitArtifact(
        bytes,
        manifest == null ? null : parseOrThrow(Manifest, manifest, 'ERR_MANIFEST_INVALID', 'manifest'),
        ceiling,
      ),
    execute: (artifact: Artifact, execute: ExecuteOptions) => run(pool, ceiling, artifact, execute),
    close: () => pool.close(),
  });
}

async function run(
  pool: LanePool,
  ceiling: Limits,
  artifact: Artifact,
  options: ExecuteOptions,
): Promise<Outcome> {
  const limits = clampLimits(ceiling, artifact.manifest?.limits, checkedLimits(options.limits));
  const grants = parseOrThrow(Grants, options.grants ?? [], 'ERR_CONFIG_INVALID', 'grants');
  const handler = options.handler ?? artifact.manifest?.name ?? 'HANDLER';
  const missing = missingGrant(artifact, grants, handler);
  if (missing !== null) throw new BrokerError(missing.code, missing.message);
  const input = jsonDocument(options.input, limits, 'input');
  const config = jsonDocument(options.config ?? '{}', limits, 'config');
  const step = jsonDocument(options.step ?? '{}', limits, 'step');
  const levels = grantsOf(grants, 'log').map((grant) => LOG_LEVELS[grant.level]);
  const timeMs = grantsOf(grants, 'time').length > 0 ? (options.timeMs ?? Date.now()) : null;
  const seed = grantsOf(grants, 'random').length > 0 ? seedOf(options.seed) : null;
  const advances = timeMs !== null && grantsOf(grants, 'time').some(({ advance }) => advance);
  const queuedAtMs = epochMs();
  return new Promise((resolve) => {
    const job: Job = {
      artifact,
      authority: Object.freeze({
        handler,
        grants,
        limits,
        secretMark: options.secretMark ?? null,
        usedSecrets: createUsedSecrets(),
        namespace: options.namespace ?? '',
        digest: artifact.digest,
      }),
      input,
      config,
      step,
      timeMs,
      timeAfterCall: advances ? () => Math.floor(timeMs + epochMs() - queuedAtMs) : null,
      seed,
      logLevel: levels.length > 0 ? Math.min(...levels) : null,
      mayWait: grantsOf(grants, 'wait').length > 0,
      queuedAtMs,
      calls: [],
      abort: new AbortController(),
      done: (end) => {
        options.signal?.removeEventListener('abort', cancel);
        if ('reported' in end)
          for (const { level, message } of scannedLogs(end.reported.logs, job.authority)) {
            options.onLog?.(level, message);
          }
        resolve(outcomeOf(job, end));
      },
    };
    const cancel = () => pool.cancel(job);
    options.signal?.addEventListener('abort', cancel, { once: true });
    pool.submit(job);
    if (options.signal?.aborted === true) cancel();
  });
}

const SEED_BYTES = 32;

function seedOf(given: string | undefined): Uint8Array {
  if (given === undefined) return randomBytes(SEED_BYTES);
  if (/^[0-9a-f]{64}$/i.test(given)) return Buffer.from(given, 'hex');
  throw new BrokerError('ERR_CONFIG_INVALID', 'seed: expected 64 hexadecimal digits');
}

function checkedLimits(limits: PartialLimits | undefined): PartialLimits {
  return parseOrThrow(PartialLimits, limits ?? {}, 'ERR_CONFIG_INVALID', 'limits');
}
