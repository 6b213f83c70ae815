import type { Boundary } from '../../host/host-call.ts';
import { Convictions } from './convictions.ts';
import type { Job } from './job.ts';
import { LanePool } from './lane-pool.ts';
import { defaultMemoryBudgetBytes, Room } from './room.ts';
import { createThreads } from './thread-link.ts';

/** Sizes that can change while jobs run. */
export interface PoolSettings {
  /** Worker threads. */
  readonly lanes?: number | undefined;
  /** Invocations one lane may have in flight. */
  readonly inFlightPerLane?: number | undefined;
  /** What the memories of all guests may commit together. */
  readonly memoryBudgetBytes?: number | undefined;
  /** Invocations to be taken on beyond those in flight. */
  readonly queueDepth?: number | undefined;
}

export interface LanesOptions extends PoolSettings {
  readonly boundary: Boundary;
  readonly onLaneReady?: ((lane: number) => void) | undefined;
  readonly onLaneLost?: ((lane: number, reason: string) => void) | undefined;
  readonly onQuarantined?: ((digest: string, handler: string) => void) | undefined;
  /** JavaScript heap of one lane. */
  readonly laneHeapMb?: number | undefined;
}

/** What the lanes are doing. */
export interface LanesStatus {
  readonly lanes: number;
  readonly lanesReady: number;
  readonly inFlightPerLane: number;
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
  kill(reason: string): boolean;
  close(): Promise<void>;
}

const LANES_DEFAULT = 1;
const IN_FLIGHT_DEFAULT = 64;

export function createLanes(options: LanesOptions): Lanes {
  const { boundary, onLaneReady, onLaneLost, onQuarantined } = options;
  let lanes = options.lanes ?? LANES_DEFAULT;
  let inFlightPerLane = options.inFlightPerLane ?? IN_FLIGHT_DEFAULT;
  let queueDepth = options.queueDepth ?? 0;
  const room = new Room(options.memoryBudgetBytes ?? defaultMemoryBudgetBytes());
  const convictions = new Convictions((job) => onQuarantined?.(job.artifact.digest, job.authority.handler));
  const threads = createThreads(options.laneHeapMb);
  const pool = new LanePool({
    lanes,
    slotsPerLane: inFlightPerLane,
    recycleAfter: null,
    open: threads.open,
    ...{ boundary, convictions, room, onLaneReady, onLaneLost },
  });
  return Object.freeze({
    submit: (job: Job) => pool.submit(job),
    cancel: (job: Job) => pool.cancel(job),
    configure(settings: PoolSettings) {
      lanes = settings.lanes ?? lanes;
      inFlightPerLane = settings.inFlightPerLane ?? inFlightPerLane;
      queueDepth = settings.queueDepth ?? queueDepth;
      room.budgetBytes = settings.memoryBudgetBytes ?? room.budgetBytes;
      pool.configure({ lanes, slotsPerLane: inFlightPerLane });
    },
    get capacity() {
      return room.isShort ? pool.pending : lanes * inFlightPerLane + queueDepth;
    },
    get status() {
      return Object.freeze({
        lanes,
        lanesReady: pool.ready,
        inFlightPerLane,
        pending: pool.pending,
        memoryBudgetBytes: room.budgetBytes,
        memoryCommittedBytes: room.committedBytes,
        queueDepth,
        quarantined: convictions.quarantined,
      });
    },
    release: (digest: string) => convictions.release(digest),
    kill: (reason: string) => pool.kill(reason),
    async close() {
      await pool.close();
      await threads.close();
    },
  });
}
