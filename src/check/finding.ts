import type { Position } from '../tasker/located-template.ts';

/**
 * What a check of a template can find, with how bad it is. Match on these names, never on a message; docs/check.md lists
 * them, and a test compares. `error`: a task of this template fails or hangs; `note`: it may not do what was meant.
 */
export const FINDINGS = {
  'template-invalid': 'error',
  'graph-invalid': 'error',
  'namespace-differs': 'error',
  'handler-unknown': 'error',
  'handler-foreign': 'error',
  'config-invalid': 'error',
  'narrowing-invalid': 'error',
  'narrowing-void': 'note',
  'reference-malformed': 'error',
  'reference-unknown': 'error',
  'reference-not-upstream': 'error',
  'reference-batch-worker': 'error',
  'reference-may-be-absent': 'note',
  'grant-missing': 'error',
  'secret-missing': 'error',
  'timeout-too-long': 'error',
  'timeout-cut': 'note',
  'result-schema-invalid': 'error',
} as const satisfies Record<string, 'error' | 'note'>;

export type FindingCode = keyof typeof FINDINGS;

/** A finding of one rule, with the path of the value that has to change. */
export interface Finding {
  readonly code: FindingCode;
  readonly path: readonly (string | number)[];
  /** What is wrong: expected and got. */
  readonly message: string;
  /** What to do about it; more than one line where something can be pasted. */
  readonly cure: string;
}

/** A finding and where it stands. */
export interface LocatedFinding extends Omit<Finding, 'path'> {
  readonly severity: 'error' | 'note';
  readonly position: Position | null;
}
