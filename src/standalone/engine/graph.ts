import type { StepTemplate, Template } from './template.ts';

/** Steps that one decision may create at most (worker protocol §4.6). */
const MAX_DECISION_STEPS = 100;

/**
 * The steps that exist from the start: those that are not downstream of a decision, and no batch workers. Convergence
 * steps of a template without decisions belong to batches and are not created here either, as in Tasker.
 */
export function initialSteps(template: Template): readonly StepTemplate[] {
  const decisions = template.steps.filter((step) => step.type === 'decision');
  const steps = template.steps.filter((step) => step.type !== 'batch_worker');
  if (decisions.length === 0) return steps.filter((step) => step.type !== 'deferred_convergence');
  const decided = downstreamOf(template, new Set(decisions.map((step) => step.name)), () => true);
  return steps.filter((step) => !decided.has(step.name));
}

/** The steps that a decision creates, or why it may not. */
export type Branches =
  | { readonly allowed: true; readonly steps: readonly StepTemplate[] }
  | { readonly allowed: false; readonly reason: string };

/**
 * From the names that a decision asked for to the steps that are created, as Tasker does it (worker protocol §4.6): those,
 * the next decisions downstream on any branch, everything downstream of them but convergence steps and batch workers,
 * every convergence step that joins one of them, and what follows a convergence step when all its dependencies exist.
 * A decision cannot be asked for by name.
 */
export function branchesOf(template: Template, decision: string, asked: readonly string[]): Branches {
  if (asked.length > MAX_DECISION_STEPS) {
    return {
      allowed: false,
      reason: `${asked.length} steps asked for, at most ${MAX_DECISION_STEPS} allowed`,
    };
  }
  const isDecision = (step: StepTemplate): boolean => step.type === 'decision';
  const reachable = downstreamOf(template, new Set([decision]), (step) => !isDecision(step));
  const exits = template.steps.filter((step) => isDecision(step) && reachable.has(step.name));
  for (const { name } of exits) reachable.delete(name);
  const stranger = asked.find((name) => !reachable.has(name));
  if (stranger !== undefined) {
    return { allowed: false, reason: `"${stranger}" is not a step downstream of "${decision}"` };
  }
  const created = new Set([...asked, ...exits.map(({ name }) => name)]);
  follow(template, created, created, (step) => reachable.has(step.name) && !createdLater(step));
  const converging = template.steps.filter(
    (step) => step.type === 'deferred_convergence' && (created.has(step.name) || joins(step, created)),
  );
  for (const step of converging) created.add(step.name);
  follow(template, created, new Set(converging.map((step) => step.name)), (step) =>
    step.dependencies.every((name) => created.has(name) || name === decision),
  );
  return { allowed: true, steps: template.steps.filter((step) => created.has(step.name)) };
}

const createdLater = ({ type }: StepTemplate): boolean =>
  type === 'deferred_convergence' || type === 'batch_worker';

/** Adds to `created` the steps that follow `from`, directly or not, over steps that qualify. */
function follow(
  template: Template,
  created: Set<string>,
  from: ReadonlySet<string>,
  qualifies: (step: StepTemplate) => boolean,
): void {
  const passed = new Set(from);
  for (;;) {
    const next = template.steps.find(
      (step) => !created.has(step.name) && joins(step, passed) && qualifies(step),
    );
    if (next === undefined) return;
    created.add(next.name);
    passed.add(next.name);
  }
}

function joins(step: StepTemplate, names: ReadonlySet<string>): boolean {
  return step.dependencies.some((name) => names.has(name));
}

/** Names downstream of `roots`, the roots left out; a step for which `passes` is false is reached but not passed. */
function downstreamOf(
  template: Template,
  roots: ReadonlySet<string>,
  passes: (step: StepTemplate) => boolean,
): Set<string> {
  const reached = new Set<string>();
  let frontier: ReadonlySet<string> = roots;
  while (frontier.size > 0) {
    const next = new Set<string>();
    for (const step of template.steps) {
      if (reached.has(step.name) || !joins(step, frontier)) continue;
      reached.add(step.name);
      if (passes(step)) next.add(step.name);
    }
    frontier = next;
  }
  return reached;
}
