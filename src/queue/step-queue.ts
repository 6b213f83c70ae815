import type { StepInvocation } from '../model/invocation.ts';
import type { JsonObject } from '../model/json.ts';
import type { CheckpointRequest, WaitRequest } from '../model/step-request.ts';
import type { StepError, StepResult } from '../model/step-result.ts';

/** A step that is ours: claimed, hydrated, and to be settled exactly once. */
export interface ClaimedStep {
  readonly invocation: StepInvocation;
  /** When it was claimed, as milliseconds since the epoch. */
  readonly claimedAtMs: number;
}

/** `lost`: somebody else moved the step on meanwhile (cancelled, resolved by hand); the result was dropped. */
export type Settlement = 'settled' | 'lost';

/** What became of a report. */
export interface Settled {
  readonly settlement: Settlement;
  /** Why a success was stored as a permanent failure all the same; null when the result was taken as it is. */
  readonly refused: StepError | null;
}

/** A step that waits, and what its result will say about the attempt that asked for it. */
export interface ParkedStep {
  readonly wait: WaitRequest;
  readonly handlerVersion: string;
  readonly startedAtMs: number;
  readonly executionMs: number;
  readonly custom: JsonObject;
}

/** Where step invocations come from and their results go. `tasker/` implements it on PGMQ, `queue/memory.ts` in memory. */
export interface StepQueue {
  /**
   * Claims up to `slots` ready steps and hydrates them. Resolves at once, with an empty list when nothing is ready.
   * A step that cannot be hydrated (its template step is missing, its template is broken) is settled by the queue
   * itself as a permanent failure and never returned.
   */
  claim(slots: number): Promise<readonly ClaimedStep[]>;
  /** Reports how a claimed step ended. Rejects only when the queue is unavailable; then call it again. */
  settle(step: ClaimedStep, result: StepResult): Promise<Settled>;
  /** Keeps how far a claimed step has come, so that it goes on from there after a crash or a retry. */
  checkpoint(step: ClaimedStep, checkpoint: CheckpointRequest): Promise<Settled>;
  /**
   * Leaves a claimed step to wait for a person: it needs no slot, is not recovered, and uses no attempt. What it waits
   * for is decided later, by this process or another. `refused`: it may not wait, and was settled as a failure.
   */
  park(step: ClaimedStep, parked: ParkedStep): Promise<Settled>;
  /** Calls `listener` whenever there may be something to claim. Returns the function that stops it. */
  onReady(listener: () => void): () => void;
  /**
   * Calls `listener` with a claimed step that is not ours any more: cancelled, or resolved by hand. Its result would be
   * lost. Returns the function that stops it.
   */
  onLost(listener: (stepUuid: string) => void): () => void;
  close(): Promise<void>;
}
