import * as z from 'zod';
import { Admission } from '../catalog/admission/admission.ts';
import type { Artifact } from '../catalog/artifact.ts';
import { ArtifactCache } from '../catalog/artifact-cache.ts';
import { createBoundary } from '../host/boundary.ts';
import type { HostServices } from '../host/host-call.ts';
import { type Abi, COMPONENT_ABI } from '../model/abi.ts';
import { clampLimits, completeLimits, type Limits, PartialLimits } from '../model/limits.ts';
import { Manifest } from '../model/manifest.ts';
import type { Outcome } from '../model/outcome.ts';
import { parseOrThrow } from '../model/parse.ts';
import type { Tier } from '../model/tier.ts';
import type { ExecuteOptions } from './execute-options.ts';
import { createLanes, type LanesStatus, type PoolSettings } from './lanes/lanes.ts';
import { LANES_MAX } from './lanes/thread-link.ts';
import { SLOTS_MAX } from './protocol.ts';
import { runInvocation } from './run-invocation.ts';

export type { ExecuteOptions } from './execute-options.ts';

/** What can be changed while invocations run. */
export interface SandboxSettings extends PoolSettings {
  /** Worker threads. Default 1. */
  readonly lanes?: number;
  /** Invocations one lane may have in flight; more than one pays when handlers wait for host calls. Default 64. */
  readonly inFlightPerLane?: number;
  /**
   * What the memories of all guests may commit together; who does not fit waits. Default: a part of the cgroup's limit, or
   * of the machine's memory.
   */
  readonly memoryBudgetBytes?: number;
  /** Processes at a time, for the process tier. Default 4. */
  readonly processes?: number;
  /** Invocations to be taken on beyond those in flight (`capacity`). Default 0. */
  readonly queueDepth?: number;
  /** Ceilings for every invocation; what is left out is taken from `DEFAULT_LIMITS`. */
  readonly limits?: PartialLimits;
}

export interface SandboxOptions extends SandboxSettings {
  /** What host calls act through. Without it, no call that leaves the sandbox can succeed. */
  readonly host?: HostServices;
  readonly onLaneReady?: (lane: number) => void;
  readonly onLaneLost?: (lane: number, reason: string) => void;
  /** A module brought down its lane with several inputs and is not run any more (`release`). */
  readonly onQuarantined?: (digest: string, handler: string) => void;
  /**
   * Where guests run, for all handlers, or by name and kind. Default: components in processes, all others in threads;
   * SECURITY.md says what each protects against.
   */
  readonly tier?: Tier | ((handler: string, abi: Abi) => Tier);
  /** A process is replaced after so many invocations. Default 10,000. */
  readonly recycleAfter?: number;
  /** First of the user ids that processes get one each of, when the broker is root. Default 61184; null: the broker's own. */
  readonly firstUid?: number | null;
  /** JavaScript heap of one lane in MB. Default 256. */
  readonly laneHeapMb?: number;
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
  /**
   * Changes settings while invocations run: none of them is lost, broken off or kept waiting by it, and what is left out
   * stays. Limits apply to invocations that come after. Throws ERR_CONFIG_INVALID for values that cannot be.
   */
  configure(settings: SandboxSettings): void;
  /** Invocations worth having in `execute` at a time: slots and queue, or fewer while memory is short. */
  readonly capacity: number;
  readonly status: LanesStatus;
  /** Ceilings for invocations that come now. */
  readonly limits: Limits;
  /** Lets a quarantined module run again; false when it was not quarantined. */
  release(digest: string): boolean;
  /** Ends a lane at once, as if it had been lost: what was on it is run again. False when there is none. */
  killLane(tier: Tier, reason: string): boolean;
  /** Waits for running invocations, then ends every thread, process and connection of the HTTP client. */
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
  const { limits, host = NO_SERVICES, ...others } = options;
  let ceiling: Limits = completeLimits(checkedLimits(limits));
  const { tier = defaultTier, ...rest } = others;
  const tierOf = typeof tier === 'string' ? () => tier : tier;
  const lanes = createLanes({
    ...rest,
    limits: ceiling,
    ...checkedPool(options),
  });
  const boundary = createBoundary(host);
  const admission = new Admission(ceiling);
  const artifacts = new ArtifactCache((bytes) => admission.prepare(bytes));
  let limitsFor = limitsMemo(ceiling);
  return Object.freeze({
    admit: async (bytes: Uint8Array, manifest?: unknown) =>
      artifacts.admit(
        bytes,
        manifest == null ? null : parseOrThrow(Manifest, manifest, 'ERR_MANIFEST_INVALID', 'manifest'),
      ),
    execute: (artifact: Artifact, execute: ExecuteOptions) =>
      runInvocation({ lanes, limitsFor, tierOf, boundary }, artifact, execute),
    configure(settings: SandboxSettings) {
      const changed = settings.limits && completeLimits({ ...ceiling, ...checkedLimits(settings.limits) });
      lanes.configure(checkedPool(settings));
      if (changed === undefined) return;
      ceiling = changed;
      limitsFor = limitsMemo(ceiling);
    },
    get capacity() {
      return lanes.capacity;
    },
    get limits() {
      return ceiling;
    },
    get status() {
      return lanes.status;
    },
    release: (digest: string) => lanes.release(digest),
    killLane: (tier: Tier, reason: string) => lanes.kill(tier, reason),
    close: async () => {
      admission.close();
      await lanes.close();
      await host.http.close();
    },
  });
}

/** jco's glue is JavaScript with names of the component in it: what went wrong there would run in the broker's process. */
function defaultTier(_handler: string, abi: Abi): Tier {
  return abi === COMPONENT_ABI ? 'process' : 'thread';
}

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

const PROCESSES_MAX = 1000;

const Pool = z.object({
  lanes: z.int().min(1).max(LANES_MAX).optional(),
  inFlightPerLane: z.int().min(1).max(SLOTS_MAX).optional(),
  memoryBudgetBytes: z.int().positive().optional(),
  queueDepth: z.int().min(0).optional(),
  processes: z.int().min(1).max(PROCESSES_MAX).optional(),
});

function checkedPool(settings: SandboxSettings): PoolSettings {
  return parseOrThrow(Pool, settings, 'ERR_CONFIG_INVALID', 'sandbox settings');
}

function checkedLimits(limits: PartialLimits | undefined): PartialLimits {
  return parseOrThrow(PartialLimits, limits ?? {}, 'ERR_CONFIG_INVALID', 'limits');
}
