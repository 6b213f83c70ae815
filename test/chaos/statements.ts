import { queueTableOf, workerQueue } from '../../src/tasker/queues.ts';
import * as checkpoint from '../../src/tasker/sql/checkpoint.ts';
import * as claim from '../../src/tasker/sql/claim.ts';
import * as complete from '../../src/tasker/sql/complete.ts';
import * as hydrate from '../../src/tasker/sql/hydrate.ts';
import * as nudge from '../../src/tasker/sql/nudge.ts';
import * as recover from '../../src/tasker/sql/recover.ts';
import * as register from '../../src/tasker/sql/register.ts';
import * as session from '../../src/tasker/sql/session.ts';
import * as waiting from '../../src/tasker/sql/waiting.ts';

export const NAMESPACE = 'chaos';

const { strandedSteps, ...recovering } = recover;
const NAMES: ReadonlyMap<string, string> = new Map(
  [checkpoint, claim, complete, hydrate, nudge, recovering, register, session, waiting]
    .flatMap((statements) => Object.entries(statements))
    .concat([['STRANDED_STEPS', strandedSteps(queueTableOf(workerQueue(NAMESPACE)))]])
    .map(([name, text]) => [text, name]),
);

/** The broker's own name for a statement; for the others (LISTEN, COMMIT, CREATE …) their first word. */
export function statementName(text: string): string {
  return NAMES.get(text) ?? /^\s*(\w*)/.exec(text)?.[1]?.toUpperCase() ?? '';
}
