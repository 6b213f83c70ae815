/**
 * $1 namespace. Safe when several brokers register at once: the name is unique.
 */
export const UPSERT_NAMESPACE = `
INSERT INTO tasker.task_namespaces (name, created_at, updated_at) VALUES ($1::text, NOW(), NOW())
ON CONFLICT (name) DO NOTHING`;

/**
 * $1 namespace, $2 task, $3 version, $4 description, $5 configuration, $6 whether a different template is replaced.
 * One row when it was stored; none when it was there already, equal or different.
 *
 * Safe because the comparison is made on the row that the insert conflicted with, under its lock, by PostgreSQL's own
 * equality of jsonb (key order and spelling of numbers do not count).
 */
export const UPSERT_TEMPLATE = `
INSERT INTO tasker.named_tasks
  (task_namespace_uuid, name, version, description, configuration, created_at, updated_at)
SELECT task_namespace_uuid, $2::text, $3::text, $4::text, $5::jsonb, NOW(), NOW()
  FROM tasker.task_namespaces WHERE name = $1::text
ON CONFLICT (task_namespace_uuid, name, version) DO UPDATE
   SET configuration = EXCLUDED.configuration, description = EXCLUDED.description, updated_at = NOW()
 WHERE named_tasks.configuration IS DISTINCT FROM EXCLUDED.configuration
   AND ($6::boolean OR COALESCE(named_tasks.configuration, '{}'::jsonb) = '{}'::jsonb)
RETURNING named_task_uuid`;

/** $1 namespace, $2 task, $3 version, $4 configuration: is exactly this registered? */
export const TEMPLATE_IS_REGISTERED = `
SELECT EXISTS (
  SELECT FROM tasker.named_tasks nt JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
   WHERE tn.name = $1::text AND nt.name = $2::text AND nt.version = $3::text
     AND nt.configuration = $4::jsonb) AS same`;
