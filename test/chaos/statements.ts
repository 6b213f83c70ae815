import { brokerStatements } from '../../src/tasker/probe/statements.ts';

export const NAMESPACE = 'chaos';

const NAMES: ReadonlyMap<string, string> = new Map(
  [...brokerStatements(NAMESPACE)].map(([name, text]) => [text, name]),
);

/** The broker's own name for a statement; for the others (LISTEN, COMMIT, CREATE …) their first word. */
export function statementName(text: string): string {
  return NAMES.get(text) ?? /^\s*(\w*)/.exec(text)?.[1]?.toUpperCase() ?? '';
}
