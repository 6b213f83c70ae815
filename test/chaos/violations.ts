import type { StepHistory } from './history.ts';
import { answerFor } from './world.ts';

/** What a run must not end with. */
export interface Violation {
  readonly kind: 'incomplete' | 'lost' | 'written twice' | 'attempts' | 'left behind' | 'crash' | 'missed';
  readonly message: string;
}

/** What is documented to happen to attempts when something is struck (docs/crash-matrix.md). */
export interface Expected {
  /** Codes of the failures that may occur. */
  readonly codes: readonly string[];
  /** Claims (`STEP WORKER`) that were under way when their broker died; null where others may recover meanwhile. */
  readonly orphans: ReadonlySet<string> | null;
  /** How many steps there are. */
  readonly steps: number;
}

const ENDS = ['enqueued_for_orchestration', 'enqueued_as_error_for_orchestration'];

export function findViolations(steps: readonly StepHistory[], expected: Expected): readonly Violation[] {
  return [
    ...steps.flatMap((step) => [...resultViolations(step), ...attemptViolations(step, expected.codes)]),
    ...orphanViolations(steps, expected.orphans),
    ...(steps.length === expected.steps
      ? []
      : [{ kind: 'lost', message: `expected ${expected.steps} steps, got ${steps.length}` } as const]),
  ];
}

const attempts = (message: string): Violation => ({ kind: 'attempts', message });
const count = ({ transitions }: StepHistory, ...states: readonly string[]) =>
  transitions.filter(({ to }) => states.includes(to)).length;
const failures = ({ transitions }: StepHistory) =>
  transitions.flatMap(({ to, code }) =>
    to === 'enqueued_as_error_for_orchestration' ? [code ?? 'no code'] : [],
  );
/** A step's way in one line. */
export const tellHistory = (step: StepHistory): string =>
  `${step.name} of task ${step.task}: ${step.transitions.map(({ to, code, message }) => (code === null ? to : `${to} (${code}: ${message})`)).join(' → ')}`;

/** One success, reported once, taken over once, and with the content that it has without any fault. */
function resultViolations(step: StepHistory): readonly Violation[] {
  const successes = count(step, 'enqueued_for_orchestration');
  const completions = count(step, 'complete');
  const audited = step.audit.filter((success) => success).length;
  const found: Violation[] = [];
  if (successes === 0 || completions === 0) found.push({ kind: 'lost', message: tellHistory(step) });
  if (successes > 1 || completions > 1 || audited > 1 || step.audit.length !== count(step, ...ENDS)) {
    found.push({ kind: 'written twice', message: `${tellHistory(step)}; ${step.audit.length} audit rows` });
  }
  const content = JSON.stringify(contentOf(step));
  const wanted = JSON.stringify(wantedOf(step));
  if (content !== wanted)
    found.push({ kind: 'lost', message: `${step.name}: expected ${wanted}, got ${content}` });
  return found;
}

/** Every claim ended in one report; `attempts` counts claims, without those that a drain gave back. */
function attemptViolations(step: StepHistory, codes: readonly string[]): readonly Violation[] {
  const claims = count(step, 'in_progress');
  const givenBack = failures(step).filter((code) => code === 'ERR_ABORTED').length;
  const counted = failures(step).length - givenBack;
  const found: Violation[] = [];
  if (claims !== count(step, ...ENDS)) found.push(attempts(`${tellHistory(step)}: ${claims} claims`));
  if (step.attempts !== 1 + counted) {
    found.push(attempts(`${tellHistory(step)}: expected attempts = ${1 + counted}, got ${step.attempts}`));
  }
  for (const code of failures(step)) {
    if (!codes.includes(code))
      found.push(attempts(`${tellHistory(step)}: ${code} is not what this fault causes`));
  }
  if (step.in_process)
    found.push({ kind: 'left behind', message: `${tellHistory(step)}: in_process is still true` });
  return found;
}

/** Exactly the attempts that were under way when a broker died are lost, each once. */
function orphanViolations(
  steps: readonly StepHistory[],
  expected: ReadonlySet<string> | null,
): readonly Violation[] {
  if (expected === null) return [];
  const found = steps.flatMap(({ step, transitions }) =>
    transitions.filter(({ code }) => code === 'ERR_ORPHANED').map(({ worker }) => `${step} ${worker}`),
  );
  const [wanted, got] = [[...expected].sort().join(), found.sort().join()];
  return wanted === got ? [] : [attempts(`expected the orphans [${wanted}], got [${got}]`)];
}

function contentOf({ name, result }: StepHistory): unknown {
  const known = result as { body?: unknown; checkpoint?: unknown; decision?: unknown } | null;
  if (name === 'first') return known?.body;
  if (name === 'right') return known?.checkpoint;
  if (name === 'gate') return known?.decision;
  return result;
}

function wantedOf({ name, task }: StepHistory): unknown {
  const answer = answerFor(task);
  if (name === 'first') return { answer };
  if (name === 'left') return answer;
  if (name === 'right') return { cursor: 3, items_processed: 30, accumulated_results: null };
  if (name === 'gate') return 'approved';
  return { answer, cursor: 3, decision: 'approved' };
}
