/** Something about the database that is not as this broker was written for. */
export interface Difference {
  /** `error`: the broker does not run; `warning`: it runs, and somebody should look. */
  readonly severity: 'error' | 'warning';
  /** What differs: `column tasker.tasks.context`. */
  readonly subject: string;
  readonly expected: string;
  readonly got: string;
  /** What to do about it. */
  readonly cure: string;
}

/** One line for people: `column tasker.tasks.context: expected jsonb, got none; run …`. */
export function describeDifference({ subject, expected, got, cure }: Difference): string {
  return `${subject}: expected ${expected}, got ${got}; ${cure}`;
}

/** The cure where objects are missing or were changed. */
export const MIGRATE =
  "apply Tasker's migrations of a supported version (0.1.8), or use a broker that supports this one";
