/** $1 steps, $2 worker uuid: those that are no longer in progress by this worker. Only reads. */
export const LOST_STEPS = `
SELECT given.step_uuid
  FROM unnest($1::uuid[]) AS given(step_uuid)
 WHERE NOT EXISTS (
   SELECT FROM tasker.workflow_step_transitions tr
    WHERE tr.workflow_step_uuid = given.step_uuid AND tr.most_recent AND tr.to_state = 'in_progress'
      AND tr.metadata->>'worker_uuid' = $2::text)`;
