import type pg from 'pg';
import type { JsonValue } from '../../model/json.ts';
import type { StepState } from '../schema/states.ts';

/** A step's row with its name and current state. */
export interface StepRow {
  readonly stepUuid: string;
  readonly taskUuid: string;
  readonly name: string;
  readonly state: StepState;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly results: JsonValue;
}

/** Null when there is no such step. */
export async function loadStep(client: pg.ClientBase, stepUuid: string): Promise<StepRow | null> {
  const { rows } = await client.query<StepRow>(
    `SELECT ws.workflow_step_uuid AS "stepUuid", ws.task_uuid AS "taskUuid", ns.name,
            COALESCE(st.to_state, 'pending') AS state, COALESCE(ws.attempts, 0) AS attempts,
            COALESCE(ws.max_attempts, 0) AS "maxAttempts", ws.results
       FROM tasker.workflow_steps ws
       JOIN tasker.named_steps ns USING (named_step_uuid)
       LEFT JOIN tasker.workflow_step_transitions st
         ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
      WHERE ws.workflow_step_uuid = $1`,
    [stepUuid],
  );
  return rows[0] ?? null;
}
