import type { ErrorCode } from '../errors.ts';

/** Something an operator should know that failed no call. */
export interface QueueProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface TaskerQueueOptions {
  /** `postgres://user:password@host:port/database` */
  readonly databaseUrl: string;
  /** PEM file with the CA that the server's certificate has to lead to; see `openDatabase`. */
  readonly databaseCaFile?: string | null;
  /** Tasker namespace whose steps are taken; it has to be the broker's own. */
  readonly namespace: string;
  /** How often to look for messages that no notification announced. */
  readonly pollMs?: number;
  /** How long a message that was read and not claimed stays invisible. */
  readonly visibilityTimeoutS?: number;
  /** How often to look for what crashes left behind. */
  readonly recoveryMs?: number;
  /** How often to look whether steps that run were cancelled. */
  readonly lostStepsMs?: number;
  /** How long a broker on another machine has to be gone before its steps are recovered. */
  readonly deadInstanceGraceMs?: number;
  readonly onError?: (problem: QueueProblem) => void;
  /** Run on a schema with migrations that this broker does not know, if everything it checks is right. */
  readonly allowNewer?: boolean;
  /** What differs from what this broker was written for and does not keep it from running; at start only. */
  readonly onDifference?: (difference: string) => void;
  readonly now?: () => number;
}

/** The options with every default in its place. */
export type QueueSettings = Required<TaskerQueueOptions>;

const DEFAULTS = {
  pollMs: 500,
  visibilityTimeoutS: 30,
  recoveryMs: 5000,
  lostStepsMs: 1000,
  deadInstanceGraceMs: 10_000,
  allowNewer: false,
  databaseCaFile: null,
} as const;

/** Fills in the defaults. */
export function completeOptions(given: TaskerQueueOptions): QueueSettings {
  return { ...DEFAULTS, onError: () => {}, onDifference: () => {}, now: Date.now, ...given };
}
