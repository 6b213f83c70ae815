import type pg from 'pg';
import type { StepState } from '../schema/states.ts';

/** A step as the orchestrator judges it. Timestamps are UTC without a zone, `YYYY-MM-DDTHH:MM:SS.ffffff`. */
export interface StepReadiness {
  readonly stepUuid: string;
  readonly taskUuid: string;
  readonly namedStepUuid: string;
  readonly name: string;
  readonly state: StepState;
  readonly dependenciesSatisfied: boolean;
  readonly retryEligible: boolean;
  readonly ready: boolean;
  readonly lastFailureAt: string | null;
  readonly nextRetryAt: string | null;
  readonly totalParents: number;
  readonly completedParents: number;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly backoffRequestSeconds: number | null;
  readonly lastAttemptedAt: string | null;
}

const iso = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US')`;

/**
 * The conditions of worker protocol §2.5 at the given time. As in Tasker, parents outside the chosen steps count as not
 * complete, and a step that once was in state `error` and has no stored backoff waits 2^attempts s, at most 60.
 */
const READINESS = `
  WITH chosen AS (
    SELECT ws.*, COALESCE(st.to_state, 'pending') AS state
      FROM tasker.workflow_steps ws
      LEFT JOIN tasker.workflow_step_transitions st
        ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
     WHERE ws.task_uuid = ANY ($1::uuid[]) AND ($2::uuid[] IS NULL OR ws.workflow_step_uuid = ANY ($2))
  ), judged AS (
    SELECT c.*, COALESCE(parents.total, 0) AS total, COALESCE(parents.completed, 0) AS completed, failure.at AS failed_at,
           CASE WHEN c.backoff_request_seconds IS NOT NULL AND c.last_attempted_at IS NOT NULL
                THEN c.last_attempted_at + make_interval(secs => c.backoff_request_seconds)
                ELSE failure.at + make_interval(secs => LEAST(2 ^ COALESCE(c.attempts, 1), 60)) END AS retry_at,
           COALESCE(c.attempts, 0) = 0
             OR c.retryable AND c.attempts < COALESCE(c.max_attempts, 3) AS eligible
      FROM chosen c
      LEFT JOIN LATERAL (
        SELECT max(f.created_at) AS at FROM tasker.workflow_step_transitions f
         WHERE f.workflow_step_uuid = c.workflow_step_uuid AND f.to_state = 'error') failure ON true
      LEFT JOIN LATERAL (
        SELECT count(*)::integer AS total,
               count(*) FILTER (WHERE p.state IN ('complete', 'resolved_manually'))::integer AS completed
          FROM tasker.workflow_step_edges e LEFT JOIN chosen p ON p.workflow_step_uuid = e.from_step_uuid
         WHERE e.to_step_uuid = c.workflow_step_uuid) parents ON true
  )
  SELECT j.workflow_step_uuid AS "stepUuid", j.task_uuid AS "taskUuid", j.named_step_uuid AS "namedStepUuid",
         ns.name, j.state, j.completed = j.total AS "dependenciesSatisfied", j.eligible AS "retryEligible",
         j.state IN ('pending', 'waiting_for_retry') AND NOT j.processed AND NOT j.in_process
           AND j.completed = j.total AND j.eligible
           AND (j.retry_at IS NULL OR j.retry_at <= COALESCE($3::timestamptz, now()) AT TIME ZONE 'UTC') AS ready,
         ${iso('j.failed_at')} AS "lastFailureAt", ${iso('j.retry_at')} AS "nextRetryAt",
         j.total AS "totalParents", j.completed AS "completedParents", COALESCE(j.attempts, 0) AS attempts,
         COALESCE(j.max_attempts, 3) AS "maxAttempts", j.backoff_request_seconds AS "backoffRequestSeconds",
         ${iso('j.last_attempted_at')} AS "lastAttemptedAt"
    FROM judged j JOIN tasker.named_steps ns USING (named_step_uuid)
   ORDER BY j.task_uuid, j.workflow_step_uuid`;

/** Judges the steps of tasks, all of them or the chosen ones, at a time (null: the database's). */
export async function loadReadiness(
  client: pg.ClientBase,
  nowMs: number | null,
  taskUuids: readonly string[],
  stepUuids: readonly string[] | null = null,
): Promise<readonly StepReadiness[]> {
  const { rows } = await client.query<StepReadiness>(READINESS, [
    taskUuids,
    stepUuids,
    nowMs === null ? null : new Date(nowMs).toISOString(),
  ]);
  return rows;
}
