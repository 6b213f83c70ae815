import type { Queryable } from '../connection.ts';
import { type Difference, MIGRATE } from './difference.ts';

/** The ten states of a step (worker protocol §2.2). */
const STEP_STATES = [
  'pending',
  'enqueued',
  'in_progress',
  'enqueued_for_orchestration',
  'enqueued_as_error_for_orchestration',
  'waiting_for_retry',
  'complete',
  'error',
  'cancelled',
  'resolved_manually',
] as const;

const CONSTRAINT = 'chk_workflow_step_transitions_to_state';
const INDEX = 'idx_workflow_step_transitions_uuid_most_recent';
const TRIGGER = 'trg_step_result_audit';
/** MD5 of the body of Tasker 0.1.8's trigger function. The standalone schema's own is known by its neighbours. */
const TRIGGER_BODY = 'f2e8363cde492bade509bc12dcdd53a6';

const READ = `
SELECT (SELECT pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid = t.oid AND conname = '${CONSTRAINT}') AS states,
       (SELECT CASE WHEN NOT i.indisunique THEN 'an index that is not unique'
                    WHEN NOT i.indisvalid THEN 'an invalid index'
                    WHEN i.indpred IS NULL THEN 'an index over all rows'
                    ELSE pg_get_indexdef(i.indexrelid, 1, false) || ', ' || pg_get_indexdef(i.indexrelid, 2, false)
                      || ' where ' || pg_get_expr(i.indpred, i.indrelid) END
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = t.oid AND c.relname = '${INDEX}') AS index,
       g.tgenabled AS trigger, md5(f.prosrc) AS body,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = 'tasker_standalone') AS standalone
  FROM pg_class t
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'tasker'
  LEFT JOIN pg_trigger g ON g.tgrelid = t.oid AND g.tgname = '${TRIGGER}'
  LEFT JOIN pg_proc f ON f.oid = g.tgfoid
 WHERE t.relname = 'workflow_step_transitions'`;

interface Rules {
  readonly states: string | null;
  readonly index: string | null;
  readonly trigger: string | null;
  readonly body: string | null;
  readonly standalone: boolean;
}

/** What the database itself enforces about a step's state; a missing table is reported with the tables. */
export async function checkStepStates(client: Queryable): Promise<readonly Difference[]> {
  const [rules] = (await client.query<Rules>(READ)).rows;
  if (rules === undefined) return [];
  return [...stateFaults(rules.states), ...indexFaults(rules.index), ...triggerFaults(rules)];
}

function stateFaults(definition: string | null): readonly Difference[] {
  const allowed = [...(definition ?? '').matchAll(/'([^']*)'/g)].map((literal) => literal[1] ?? '');
  const missing = STEP_STATES.filter((state) => !allowed.includes(state));
  const unknown = allowed.filter((state) => !(STEP_STATES as readonly string[]).includes(state));
  if (missing.length === 0 && unknown.length === 0) return [];
  const got = [
    ...(missing.length > 0 ? [`without ${missing.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`with ${unknown.join(', ')}`] : []),
  ].join(' and ');
  return [
    differs(
      `constraint ${CONSTRAINT}`,
      `the ${STEP_STATES.length} states of a step`,
      definition === null ? 'none' : got,
    ),
  ];
}

function indexFaults(got: string | null): readonly Difference[] {
  if (/^workflow_step_uuid, most_recent where \(?most_recent/.test(got ?? '')) return [];
  const expected =
    'a unique one on workflow_step_uuid, most_recent where most_recent: without it two workers can hold a step';
  return [differs(`index ${INDEX}`, expected, got ?? 'none')];
}

function triggerFaults({ trigger, body, standalone }: Rules): readonly Difference[] {
  const subject = `trigger ${TRIGGER}`;
  if (trigger === null) return [differs(subject, 'a trigger on workflow_step_transitions', 'none')];
  if (trigger !== 'O' && trigger !== 'A') {
    return [
      { ...differs(subject, 'to be enabled', 'disabled'), cure: 'enable it: results are audited by it' },
    ];
  }
  if (standalone || body === TRIGGER_BODY) return [];
  const cure = 'look at what it does to completions; the self-test passed it';
  return [{ severity: 'warning', subject, expected: 'the body of Tasker 0.1.8', got: 'another body', cure }];
}

function differs(subject: string, expected: string, got: string): Difference {
  return { severity: 'error', subject, expected, got, cure: MIGRATE };
}
