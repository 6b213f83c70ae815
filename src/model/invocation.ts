import type { JsonObject, JsonValue } from './json.ts';

/** Tasker's step types; the first four are served. */
export type StepType = 'standard' | 'decision' | 'deferred_convergence' | 'batchable' | 'batch_worker';

/** One delivery of one step to one handler, as Tasker's tables describe it. Plain data; nothing is resolved yet. */
export interface StepInvocation {
  readonly taskUuid: string;
  readonly stepUuid: string;
  readonly correlationId: string;
  readonly namespace: string;
  readonly taskName: string;
  readonly taskVersion: string;
  readonly stepName: string;
  /** Name of the step in the template; differs from `stepName` for batch workers. */
  readonly templateStepName: string;
  readonly stepType: StepType;
  /** `handler.callable` of the template: `NAME[@VERSION|@sha256:DIGEST]`. */
  readonly callable: string;
  /** This run, counted from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** `handler.initialization`, whole: configuration, `input` and `$broker`. */
  readonly initialization: JsonObject;
  /** The template step's `result_schema`: what its output has to fit. Null where it has none. */
  readonly resultSchema: JsonValue;
  /** The template's `timeout_seconds`, if it has one. */
  readonly timeoutMs: number | null;
  readonly retry: RetryPolicy;
  readonly context: JsonObject;
  /** Its part of the work, for a worker of a batch. */
  readonly batch: BatchPosition | null;
  /** Where an earlier run of this step got to; null when it starts anew. */
  readonly checkpoint: JsonObject | null;
  /** Results of the upstream steps that `initialization` refers to, by step name. */
  readonly dependencies: Readonly<Record<string, JsonValue>>;
}

/** What Tasker gives a batch worker beside its configuration (worker protocol §3). */
export interface BatchPosition {
  readonly batch_id: string;
  readonly start_cursor: JsonValue;
  readonly end_cursor: JsonValue;
  readonly batch_size: number | null;
  /** There is nothing to do: the placeholder of an analysis that found no work. */
  readonly is_no_op: boolean;
}

/** The template's `retry` block. */
export interface RetryPolicy {
  readonly backoff: 'exponential' | 'linear' | 'fibonacci' | 'none';
  readonly backoffBaseMs: number | null;
  readonly maxBackoffMs: number | null;
}
