import type { Grant } from './grant.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { PartialLimits } from './limits.ts';

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
  /** The template's `timeout_seconds`, if it has one. */
  readonly timeoutMs: number | null;
  readonly retry: RetryPolicy;
  readonly context: JsonObject;
  /** Results of the upstream steps that `initialization` refers to, by step name. */
  readonly dependencies: Readonly<Record<string, JsonValue>>;
}

/** The template's `retry` block. */
export interface RetryPolicy {
  readonly backoff: 'exponential' | 'linear' | 'fibonacci' | 'none';
  readonly backoffBaseMs: number | null;
  readonly maxBackoffMs: number | null;
}

/** What a step may say under `$broker`: it can only narrow what policy and manifest allow. */
export interface StepNarrowing {
  readonly grants?: readonly Grant[];
  readonly limits?: PartialLimits;
}

/** Everything a sandbox needs to run an invocation: bytes and policy, no names left to resolve. */
export interface ResolvedInput {
  /** UTF-8 JSON text. */
  readonly input: string;
  /** UTF-8 JSON text of an object. */
  readonly config: string;
}
