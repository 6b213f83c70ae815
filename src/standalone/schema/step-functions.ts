/**
 * Ancestors of a step, readiness (worker protocol §2.5) and the audit trigger (§4.3). Like Tasker's, the functions use
 * unqualified names and need `search_path` to contain `tasker`: a session that forgot it fails here as it does there.
 */
export const CREATE_STEP_FUNCTIONS = `
CREATE FUNCTION tasker.get_step_transitive_dependencies(target_step_uuid uuid)
RETURNS TABLE (workflow_step_uuid uuid, task_uuid uuid, named_step_uuid uuid, step_name varchar, results jsonb,
  processed boolean, distance integer)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
  -- One row per path, up to 50 edges away: callers de-duplicate, as they must with Tasker.
  RETURN QUERY
  WITH RECURSIVE ancestors (step_uuid, depth) AS (
    SELECT from_step_uuid, 1 FROM workflow_step_edges WHERE to_step_uuid = target_step_uuid
    UNION ALL
    SELECT e.from_step_uuid, a.depth + 1
      FROM ancestors a JOIN workflow_step_edges e ON e.to_step_uuid = a.step_uuid
     WHERE a.depth < 50
  )
  SELECT ws.workflow_step_uuid, ws.task_uuid, ws.named_step_uuid, ns.name, ws.results, ws.processed, a.depth
    FROM ancestors a
    JOIN workflow_steps ws ON ws.workflow_step_uuid = a.step_uuid
    JOIN named_steps ns ON ns.named_step_uuid = ws.named_step_uuid
   ORDER BY a.depth, ws.workflow_step_uuid;
END
$$;

CREATE FUNCTION tasker.get_step_readiness_status(input_task_uuid uuid, step_uuids uuid[] DEFAULT NULL)
RETURNS TABLE (workflow_step_uuid uuid, task_uuid uuid, named_step_uuid uuid, name text, current_state text,
  dependencies_satisfied boolean, retry_eligible boolean, ready_for_execution boolean, last_failure_at timestamp,
  next_retry_at timestamp, total_parents integer, completed_parents integer, attempts integer, max_attempts integer,
  backoff_request_seconds integer, last_attempted_at timestamp)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH step AS (
    SELECT ws.*, ns.name AS step_name, COALESCE(st.to_state, 'pending') AS state, failure.failed_at,
           COALESCE(parents.total, 0) AS total, COALESCE(parents.completed, 0) AS completed,
           ws.last_attempted_at + make_interval(secs => ws.backoff_request_seconds) AS retry_at,
           COALESCE(ws.attempts, 0) = 0
             OR ws.retryable AND COALESCE(ws.attempts, 0) < COALESCE(ws.max_attempts, 3) AS eligible
      FROM workflow_steps ws
      JOIN named_steps ns ON ns.named_step_uuid = ws.named_step_uuid
      LEFT JOIN workflow_step_transitions st ON st.workflow_step_uuid = ws.workflow_step_uuid AND st.most_recent
      LEFT JOIN LATERAL (
        SELECT max(f.created_at) AS failed_at FROM workflow_step_transitions f
         WHERE f.workflow_step_uuid = ws.workflow_step_uuid AND f.to_state = 'error') failure ON true
      LEFT JOIN LATERAL (
        SELECT count(*)::integer AS total,
               count(*) FILTER (WHERE p.to_state IN ('complete', 'resolved_manually'))::integer AS completed
          FROM workflow_step_edges e
          LEFT JOIN workflow_step_transitions p ON p.workflow_step_uuid = e.from_step_uuid AND p.most_recent
         WHERE e.to_step_uuid = ws.workflow_step_uuid) parents ON true
     WHERE ws.task_uuid = input_task_uuid AND (step_uuids IS NULL OR ws.workflow_step_uuid = ANY (step_uuids))
  )
  SELECT s.workflow_step_uuid, s.task_uuid, s.named_step_uuid, s.step_name::text, s.state::text,
         s.completed = s.total, s.eligible,
         s.state IN ('pending', 'waiting_for_retry') AND NOT s.processed AND NOT s.in_process
           AND s.completed = s.total AND s.eligible AND (s.retry_at IS NULL OR s.retry_at <= now()),
         s.failed_at, s.retry_at, s.total, s.completed, COALESCE(s.attempts, 0), COALESCE(s.max_attempts, 3),
         s.backoff_request_seconds, s.last_attempted_at
    FROM step s ORDER BY s.workflow_step_uuid;
END
$$;

CREATE FUNCTION tasker.create_step_result_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  event jsonb;
  worker uuid;
  correlation uuid;
BEGIN
  IF NEW.to_state NOT IN ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration') THEN
    RETURN NEW;
  END IF;
  -- A worker's metadata never makes its completion fail: what cannot be read stays NULL.
  BEGIN event := (NEW.metadata->>'event')::jsonb; EXCEPTION WHEN OTHERS THEN event := NULL; END;
  BEGIN worker := (NEW.metadata->>'worker_uuid')::uuid; EXCEPTION WHEN OTHERS THEN worker := NULL; END;
  BEGIN correlation := (NEW.metadata->>'correlation_id')::uuid; EXCEPTION WHEN OTHERS THEN correlation := NULL; END;
  INSERT INTO workflow_step_result_audit (workflow_step_uuid, workflow_step_transition_uuid, task_uuid, worker_uuid,
      correlation_id, success, execution_time_ms)
  SELECT ws.workflow_step_uuid, NEW.workflow_step_transition_uuid, ws.task_uuid, worker, correlation,
         COALESCE(CASE WHEN jsonb_typeof(event->'success') = 'boolean' THEN (event->>'success')::boolean END,
           NEW.to_state = 'enqueued_for_orchestration'),
         CASE WHEN event->'metadata'->>'execution_time_ms' ~ '^[0-9]{1,18}$'
           THEN (event->'metadata'->>'execution_time_ms')::bigint END
    FROM workflow_steps ws WHERE ws.workflow_step_uuid = NEW.workflow_step_uuid
  ON CONFLICT (workflow_step_uuid, workflow_step_transition_uuid) DO NOTHING;
  RETURN NEW;
END
$$;
CREATE TRIGGER trg_step_result_audit AFTER INSERT ON tasker.workflow_step_transitions
  FOR EACH ROW EXECUTE FUNCTION tasker.create_step_result_audit();
`;
