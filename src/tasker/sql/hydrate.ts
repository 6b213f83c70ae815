/*
 * Reading what a step needs. Both statements only read and serve a whole batch.
 */

/**
 * $1 step ids. One row per step: its task, its own row, and of the task's template only the step's definition; for a step
 * that creates others also the names, types and dependencies of all.
 *
 * Safe against broken templates: the JSON path is lax, so that a configuration of any shape yields null for
 * `template_step` instead of failing the batch.
 */
export const LOAD_STEPS = `
SELECT ws.workflow_step_uuid AS step_uuid, ws.task_uuid, t.correlation_id,
       tn.name AS namespace, nt.name AS task_name, nt.version AS task_version,
       ns.name AS step_name,
       COALESCE(ws.inputs->>'__template_step_name', ns.name) AS template_step_name,
       ws.inputs, ws.checkpoint, ws.attempts, ws.max_attempts, ws.retryable, t.context, template.step AS template_step,
       CASE WHEN template.step->>'type' IN ('decision', 'batchable') THEN (
         SELECT jsonb_agg(jsonb_build_object('name', s->'name', 'type', s->'type', 'dependencies', s->'dependencies'))
           FROM jsonb_path_query(nt.configuration, '$.steps[*]') s) END AS template_outline
  FROM tasker.workflow_steps ws
  JOIN tasker.named_steps ns ON ns.named_step_uuid = ws.named_step_uuid
  JOIN tasker.tasks t ON t.task_uuid = ws.task_uuid
  JOIN tasker.named_tasks nt ON nt.named_task_uuid = t.named_task_uuid
  JOIN tasker.task_namespaces tn ON tn.task_namespace_uuid = nt.task_namespace_uuid
 CROSS JOIN LATERAL (
   SELECT jsonb_path_query_first(
     nt.configuration, '$.steps[*] ? (@.name == $name)',
     jsonb_build_object('name', COALESCE(ws.inputs->>'__template_step_name', ns.name))) AS step) template
 WHERE ws.workflow_step_uuid = ANY ($1::uuid[])`;

/**
 * $1 step ids, $2 names of upstream steps, pairwise. Returns the business results of those that are processed.
 *
 * Safe on any graph: `UNION` drops an ancestor reached by a second path, so the work is bounded by the number of
 * edges and a cycle ends. (`get_step_transitive_dependencies` enumerates paths.) Only steps upstream are reachable,
 * whatever name is asked for.
 */
export const LOAD_DEPENDENCIES = `
WITH RECURSIVE wanted AS (
  SELECT * FROM unnest($1::uuid[], $2::text[]) AS w(step_uuid, name)
), ancestor AS (
  SELECT DISTINCT w.step_uuid, e.from_step_uuid AS ancestor_uuid
    FROM wanted w JOIN tasker.workflow_step_edges e ON e.to_step_uuid = w.step_uuid
  UNION
  SELECT a.step_uuid, e.from_step_uuid
    FROM ancestor a JOIN tasker.workflow_step_edges e ON e.to_step_uuid = a.ancestor_uuid
)
SELECT w.step_uuid, w.name, ws.results->'result' AS result
  FROM wanted w
  JOIN ancestor a ON a.step_uuid = w.step_uuid
  JOIN tasker.workflow_steps ws ON ws.workflow_step_uuid = a.ancestor_uuid
  JOIN tasker.named_steps ns ON ns.named_step_uuid = ws.named_step_uuid AND ns.name = w.name
 WHERE ws.processed AND ws.results IS NOT NULL`;
