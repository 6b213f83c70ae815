import type { Limits } from '../../model/limits.ts';
import type { Tier } from '../../model/tier.ts';
import { BATCH_MAX } from '../gathered.ts';
import { Convictions } from './convictions.ts';
import type { Job } from './job.ts';
import { LanePool } from './lane-pool.ts';
import { processLinks } from './process-link.ts';
import { ProcessPools } from './process-pools.ts';
import { defaultMemoryBudgetBytes, Room } from './room.ts';
import { createThreads, LANE_HEAP_MB } from './thread-link.ts';

/** Sizes that can change while jobs run. */
export interface PoolSettings {
  /** Worker threads. */
  readonly lanes?: number | undefined;
  /** Invocations one lane may have in flight. */
  readonly inFlightPerLane?: number | undefined;
  /** What the memories of all guests may commit together. */
  readonly memoryBudgetBytes?: number | undefined;
  /** Processes at a time, for handlers of the process tier; each has one lane. */
  readonly processes?: number | undefined;
  /** Invocations to be taken on beyond those in flight. */
  readonly queueDepth?: number | undefined;
}

/** What a listener throws is an uncaught exception, in a turn of its own: no lane depends on it. */
export interface LanesOptions extends PoolSettings {
  readonly onLaneReady?: ((lane: number) => void) | undefined;
  readonly onLaneLost?: ((lane: number, reason: string) => void) | undefined;
  readonly onQuarantined?: ((digest: string, handler: string) => void) | undefined;
  /** JavaScript heap of one lane. */
  readonly laneHeapMb?: number | undefined;
  /** A process is replaced after so many invocations. */
  readonly recycleAfter?: number | undefined;
  /** First of the user ids that processes get one each of, when the broker is root. */
  readonly firstUid?: number | null | undefined;
  /** Ceilings of this sandbox: what a process can have to say. */
  readonly limits: Limits;
}

/** What the lanes are doing. */
export interface LanesStatus {
  readonly lanes: number;
  readonly lanesReady: number;
  readonly inFlightPerLane: number;
  readonly processes: number;
  readonly pending: number;
  readonly memoryBudgetBytes: number;
  /** What the guests in flight are counted with. */
  readonly memoryCommittedBytes: number;
  readonly queueDepth: number;
  /** Digests of modules that are not run any more. */
  readonly quarantined: readonly string[];
}

/** Everything that runs guests. */
export interface Lanes {
  submit(job: Job): void;
  cancel(job: Job): void;
  configure(settings: PoolSettings): void;
  /** Jobs worth taking on at a time: slots and queue, or what there is already while memory is short. */
  readonly capacity: number;
  readonly status: LanesStatus;
  /** Lets a quarantined module run again; false when it was not quarantined. */
  release(digest: string): boolean;
  /** Ends a lane at once, as if it had been lost. */
  kill(tier: Tier, reason: string): boolean;
  close(): Promise<void>;
}

const LANES_DEFAULT = 1;
const IN_FLIGHT_DEFAULT = 64;
const PROCESSES_DEFAULT = 4;
const RECYCLE_AFTER_DEFAULT = 10_000;
/** Where systemd, too, takes ids for services from that no account has. */
const FIRST_UID_DEFAULT = 61_184;

const FRAME_EXTRA_BYTES = 1024 * 1024;

/** What a process can have to say at a time: a batch of results, each with an output and logs. */
function largestFrameBytes({ output_bytes, log_bytes, log_lines, http_request_bytes }: Limits): number {
  // JSON writes a control character as six; a line comes with its level.
  const logs = 6 * log_bytes + 64 * log_lines;
  return Math.min(
    BATCH_MAX.process * (Math.max(output_bytes, http_request_bytes) + logs + FRAME_EXTRA_BYTES),
    2 ** 31,
  );
}

/** Calls a listener so that its fault is not its caller's. */
function apart<Told extends unknown[]>(listener: ((...told: Told) => void) | undefined) {
  return (...told: Told): void => {
    try {
      listener?.(...told);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

export function createLanes(options: LanesOptions): Lanes {
  const onQuarantined = apart(options.onQuarantined);
  let lanes = options.lanes ?? LANES_DEFAULT;
  let inFlightPerLane = options.inFlightPerLane ?? IN_FLIGHT_DEFAULT;
  let queueDepth = options.queueDepth ?? 0;
  const room = new Room(options.memoryBudgetBytes ?? defaultMemoryBudgetBytes());
  const convictions = new Convictions((job) => onQuarantined(job.artifact.digest, job.authority.handler));
  let processes = options.processes ?? PROCESSES_DEFAULT;
  const threads = createThreads(options.laneHeapMb);
  const shared = {
    convictions,
    room,
    onLaneReady: apart(options.onLaneReady),
    onLaneLost: apart(options.onLaneLost),
    // Room is for both tiers: what one gives back the other can use.
    onRoom: () => {
      pool.dispatch();
      isolated.dispatch();
    },
  };
  const pool = new LanePool({
    lanes,
    slotsPerLane: inFlightPerLane,
    recycleAfter: null,
    distrustsClock: false,
    open: threads.open,
    ...shared,
  });
  const isolated = new ProcessPools({
    processes,
    pool: {
      slotsPerLane: inFlightPerLane,
      recycleAfter: options.recycleAfter ?? RECYCLE_AFTER_DEFAULT,
      distrustsClock: true,
      open: processLinks({
        heapMb: options.laneHeapMb ?? LANE_HEAP_MB,
        maxFrameBytes: largestFrameBytes(options.limits),
        firstUid: options.firstUid === undefined ? FIRST_UID_DEFAULT : options.firstUid,
      }),
      ...shared,
    },
  });
  const poolOf = ({ tier }: Job) => (tier === 'process' ? isolated : pool);
  return Object.freeze({
    submit: (job: Job) => poolOf(job).submit(job),
    cancel: (job: Job) => poolOf(job).cancel(job),
    configure(settings: PoolSettings) {
      lanes = settings.lanes ?? lanes;
      inFlightPerLane = settings.inFlightPerLane ?? inFlightPerLane;
      queueDepth = settings.queueDepth ?? queueDepth;
      room.budgetBytes = settings.memoryBudgetBytes ?? room.budgetBytes;
      processes = settings.processes ?? processes;
      pool.configure({ lanes, slotsPerLane: inFlightPerLane });
      isolated.configure({ processes, slotsPerLane: inFlightPerLane });
    },
    get capacity() {
      return room.isShort ? pool.pending + isolated.pending : lanes * inFlightPerLane + queueDepth;
    },
    get status() {
      return Object.freeze({
        lanes,
        lanesReady: pool.ready,
        inFlightPerLane,
        processes,
        pending: pool.pending + isolated.pending,
        memoryBudgetBytes: room.budgetBytes,
        memoryCommittedBytes: room.committedBytes,
        queueDepth,
        quarantined: convictions.quarantined,
      });
    },
    release: (digest: string) => convictions.release(digest),
    kill: (tier: Tier, reason: string) => (tier === 'process' ? isolated : pool).kill(reason),
    async close() {
      await Promise.all([pool.close(), isolated.close()]);
      await threads.close();
    },
  });
}
