import * as z from 'zod';
import type { JsonValue } from './json.ts';

/*
 * What a handler can ask for instead of an output: to go on later from where it is, or to wait for a person.
 */

const json = z.unknown().transform((value) => value as JsonValue);

/** How far a step has come: Tasker's checkpoint, as its handler writes it. */
export const CheckpointRequest = z.strictObject({
  /** Where to go on; any JSON that the handler understands. */
  cursor: json,
  items_processed: z.int().nonnegative(),
  accumulated_results: json.default(null),
});
export type CheckpointRequest = Readonly<z.infer<typeof CheckpointRequest>>;

/** What a step waits for, and what becomes of it when nobody answers or somebody says no. */
export const WaitRequest = z.strictObject({
  /** For the person who decides. */
  reason: z.string().min(1).max(2000),
  timeout_ms: z.int().positive(),
  on_timeout: z.enum(['fail', 'approve', 'reject']).default('fail'),
  on_reject: z.enum(['fail', 'complete']).default('fail'),
  /** Shown to the person, and part of the result. */
  data: json.default(null),
});
export type WaitRequest = Readonly<z.infer<typeof WaitRequest>>;

/** A step that waits for a person, as an operator sees it. */
export interface WaitingStep {
  readonly stepUuid: string;
  readonly taskUuid: string;
  readonly stepName: string;
  readonly taskName: string;
  readonly reason: string;
  readonly data: JsonValue;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** What a person decided. */
export const WaitDecision = z.strictObject({
  decision: z.enum(['approved', 'rejected']),
  by: z.string().min(1).max(200),
  comment: z.string().max(2000).default(''),
  data: json.default(null),
});
export type WaitDecision = Readonly<z.infer<typeof WaitDecision>>;
