import type { ErrorCode } from '../errors.ts';
import type { LimitName } from './limits.ts';
import type { Receipt } from './receipt.ts';
import type { CheckpointRequest, WaitRequest } from './step-request.ts';
import type { Usage } from './usage.ts';

/** The guest returned and its output is JSON within the limits. `output` is UTF-8 JSON text. */
export interface Completed {
  readonly kind: 'completed';
  readonly output: string;
}

/** The handler reported a failure itself (`fail`), or the host found its result unusable. */
export interface Failed {
  readonly kind: 'failed';
  /** A code of ours, or the handler's own (lower case with underscores). */
  readonly code: ErrorCode | string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

/** The handler has come to a checkpoint and is to be run again from there: Tasker's checkpoint yield. */
export interface Yielded {
  readonly kind: 'yielded';
  readonly checkpoint: CheckpointRequest;
}

/** The handler has nothing more to do until a person has decided. */
export interface Waiting {
  readonly kind: 'waiting';
  readonly wait: WaitRequest;
}

/** The engine stopped the guest. */
export interface Trapped {
  readonly kind: 'trapped';
  readonly code: ErrorCode;
  readonly message: string;
  /** Wasm frames, innermost first, at most 16. */
  readonly stack: readonly string[];
}

/** A limit stopped the guest. */
export interface Exhausted {
  readonly kind: 'exhausted';
  readonly code: ErrorCode;
  readonly message: string;
  readonly limit: LimitName;
  readonly allowed: number;
  readonly used: number;
  /** The setting that changes the limit, e.g. `limits.fuel`. */
  readonly setting: string;
}

/** Nobody's verdict on the guest: the host stopped the invocation or lost its lane. */
export interface Aborted {
  readonly kind: 'aborted';
  readonly code: ErrorCode;
  readonly message: string;
}

/** How an invocation ended. */
export type OutcomeResult = Completed | Yielded | Waiting | Failed | Trapped | Exhausted | Aborted;

/** How an admitted invocation ended, with what it used and its receipt. */
export type Outcome = OutcomeResult & { readonly usage: Usage; readonly receipt: Receipt };

/** May the same invocation succeed later? Retry follows the cause (design §5). */
export function isRetryable(outcome: OutcomeResult): boolean {
  switch (outcome.kind) {
    case 'completed':
    case 'yielded':
    case 'waiting':
      return false;
    case 'failed':
      return outcome.retryable;
    // Same module, same input, same fuel: it would trap again.
    case 'trapped':
      return false;
    case 'exhausted':
      return outcome.limit === 'wall_ms';
    case 'aborted':
      return true;
  }
}
