import * as z from 'zod';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { describeIssues } from '../model/parse.ts';
import type { StepError } from '../model/step-result.ts';
import type { TemplateStep } from './template.ts';

/*
 * Decisions and batches create steps. Tasker only logs an outcome that does not fit the template, and the workflow goes on
 * without its branches; so an outcome is checked before it is reported, and a wrong one is a permanent error.
 */

/** What the outcome of a step may create. */
export type Branches =
  | { readonly kind: 'none' }
  /** Names of the steps that the decision can reach. */
  | { readonly kind: 'decision'; readonly reachable: ReadonlySet<string> }
  /** Names of the template's batch workers, and the one its configuration names. */
  | { readonly kind: 'batch'; readonly workers: ReadonlySet<string>; readonly configured: string | null };

/** Tasker's bound on the steps of one decision (worker protocol §4.6). */
const DECISION_STEPS_MAX = 100;
/** Our bound on the workers of one batch: each is a row, a message and a turn of the orchestrator. */
const BATCHES_MAX = 1000;
/** Room that the name of a batch worker's step leaves for its batch (`named_steps.name` has 128 characters). */
const STEP_NAME_MAX_CHARS = 128;

const NONE: Branches = Object.freeze({ kind: 'none' });

const Outline = z.array(
  z.object({
    name: z.string(),
    type: z.string().nullable().default('standard'),
    dependencies: z.array(z.string()).nullable().default([]),
  }),
);

/** A list whose elements are looked at only if it is not too long: each fault of an element takes microseconds. */
function bounded<Element extends z.ZodType>(element: Element, least: number, most: number, what: string) {
  const short = z.array(z.unknown()).superRefine(({ length }, context) => {
    if (length < least) context.addIssue({ code: 'custom', message: `expected at least ${least}` });
    if (length > most)
      context.addIssue({ code: 'custom', message: `at most ${most} ${what}, got ${length}` });
  });
  return short.pipe(z.array(element));
}

const json = z.unknown().transform((value) => value as JsonValue);

const DecisionOutcome = z.object({
  decision_point_outcome: z.discriminatedUnion('type', [
    z.object({ type: z.literal('no_branches') }),
    z.object({
      type: z.literal('create_steps'),
      step_names: bounded(z.string(), 1, DECISION_STEPS_MAX, 'steps'),
    }),
  ]),
});

const CursorConfig = z.object({
  batch_id: z.string().regex(/^[A-Za-z0-9_.-]+$/, 'expected letters, digits, "_", "." or "-"'),
  start_cursor: json,
  end_cursor: json,
  batch_size: z.int().nonnegative(),
});

const BatchOutcome = z.object({
  batch_processing_outcome: z.discriminatedUnion('type', [
    z.object({ type: z.literal('no_batches') }),
    z.object({
      type: z.literal('create_batches'),
      worker_template_name: z.string(),
      worker_count: z.int().positive(),
      cursor_configs: bounded(CursorConfig, 0, BATCHES_MAX, 'workers'),
      total_items: z.int().nonnegative(),
    }),
  ]),
});

/** What a step's outcome may create, by its template. `outline`: all steps of the template, if it creates any. */
export function branchesOf(
  step: Pick<TemplateStep, 'name' | 'type'>,
  initialization: JsonObject,
  outline: JsonValue,
): Branches {
  const parsed = Outline.safeParse(outline);
  const steps = parsed.success ? parsed.data : [];
  if (step.type === 'decision') return { kind: 'decision', reachable: reachableFrom(step.name, steps) };
  if (step.type !== 'batchable') return NONE;
  const workers = steps.filter(({ type }) => type === 'batch_worker').map(({ name }) => name);
  const configured = initialization['worker_template_name'];
  return {
    kind: 'batch',
    workers: new Set(workers),
    configured: typeof configured === 'string' ? configured : null,
  };
}

/** Steps downstream of a decision, up to and including the next decisions. */
function reachableFrom(decision: string, steps: z.infer<typeof Outline>): ReadonlySet<string> {
  const reached = new Set<string>();
  let frontier = new Set([decision]);
  while (frontier.size > 0) {
    const next = new Set<string>();
    for (const { name, type, dependencies } of steps) {
      if (reached.has(name) || !(dependencies ?? []).some((dependency) => frontier.has(dependency))) continue;
      reached.add(name);
      if (type !== 'decision') next.add(name);
    }
    frontier = next;
  }
  return reached;
}

/** Why the orchestrator could not act on this output, or null. untrusted: a handler wrote it. */
export function checkOutcome(branches: Branches, output: JsonValue): StepError | null {
  switch (branches.kind) {
    case 'none':
      return null;
    case 'decision':
      return checkDecision(branches.reachable, output);
    case 'batch':
      return checkBatch(branches.workers, branches.configured, output);
  }
}

function checkDecision(reachable: ReadonlySet<string>, output: JsonValue): StepError | null {
  const parsed = DecisionOutcome.safeParse(output);
  if (!parsed.success) return invalid(`a decision: ${describeIssues(parsed.error)}`);
  const outcome = parsed.data.decision_point_outcome;
  if (outcome.type === 'no_branches') return null;
  const { step_names } = outcome;
  const stranger = step_names.find((name) => !reachable.has(name));
  if (stranger === undefined) return null;
  return invalid(
    `${quote(stranger)} is no step downstream of this decision; it can choose ${[...reachable].map(quote).join(', ') || 'none'}`,
  );
}

function checkBatch(
  workers: ReadonlySet<string>,
  configured: string | null,
  output: JsonValue,
): StepError | null {
  const parsed = BatchOutcome.safeParse(output);
  if (!parsed.success) return invalid(`a batch: ${describeIssues(parsed.error)}`);
  const outcome = parsed.data.batch_processing_outcome;
  if (outcome.type === 'no_batches') {
    if (configured !== null && workers.has(configured)) return null;
    return invalid(
      'without batches Tasker needs handler.initialization.worker_template_name to name a batch worker',
    );
  }
  const { worker_template_name: worker, worker_count, cursor_configs } = outcome;
  if (!workers.has(worker)) {
    return invalid(
      `${quote(worker)} is no batch worker of this template; expected ${[...workers].map(quote).join(', ') || 'one'}`,
    );
  }
  if (worker_count !== cursor_configs.length) {
    return invalid(
      `worker_count is ${worker_count}, but there are ${cursor_configs.length} cursor_configs; expected as many`,
    );
  }
  const ids = cursor_configs.map(({ batch_id }) => batch_id);
  if (new Set(ids).size !== ids.length) return invalid('two cursor_configs have one batch_id');
  const longest = ids.reduce((most, id) => Math.max(most, id.length), 0);
  if (worker.length + 1 + longest <= STEP_NAME_MAX_CHARS) return null;
  return invalid(
    `the name ${worker}_BATCH has at most ${STEP_NAME_MAX_CHARS} characters; use a shorter batch_id`,
  );
}

function invalid(what: string): StepError {
  return {
    code: 'ERR_OUTCOME_INVALID',
    message: `the output is no outcome that Tasker can act on: ${what}`,
    errorType: 'permanent_error',
    retryable: false,
    retryAfterMs: null,
  };
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 128));
}
