import type pg from 'pg';
import * as z from 'zod';
import type { JsonObject } from '../../model/json.ts';
import { notFound } from './api-error.ts';

/** `GET /v1/templates`; the namespaces are all of them, whatever the filter. */
export async function listTemplates(
  client: pg.ClientBase,
  namespace: string | undefined,
): Promise<JsonObject> {
  const namespaces = await client.query<{ name: string; description: string | null; template_count: number }>(
    `SELECT tn.name, tn.description, count(nt.named_task_uuid)::integer AS template_count
       FROM tasker.task_namespaces tn LEFT JOIN tasker.named_tasks nt USING (task_namespace_uuid)
      GROUP BY tn.name, tn.description ORDER BY tn.name`,
  );
  const templates = await client.query<JsonObject>(
    `SELECT nt.name, tn.name AS namespace, nt.version, nt.description,
            CASE WHEN jsonb_typeof(nt.configuration->'steps') = 'array'
                 THEN jsonb_array_length(nt.configuration->'steps') ELSE 0 END AS step_count
       FROM tasker.named_tasks nt JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
      WHERE $1::text IS NULL OR tn.name = $1 ORDER BY tn.name, nt.name, nt.version`,
    [namespace ?? null],
  );
  return {
    namespaces: namespaces.rows,
    templates: templates.rows,
    total_count: namespaces.rows.reduce((sum, { template_count }) => sum + template_count, 0),
  };
}

/** The parts of a stored step that the API shows. */
const Steps = z.array(
  z.object({
    name: z.string(),
    description: z.string().nullish(),
    retry: z.object({ retryable: z.boolean().default(true), max_attempts: z.int().default(3) }).prefault({}),
    result_schema: z.json().optional(),
  }),
);

/** `GET /v1/templates/{namespace}/{name}/{version}`. @throws ApiError 404 */
export async function getTemplate(
  client: pg.ClientBase,
  namespace: string,
  name: string,
  version: string,
): Promise<JsonObject> {
  const { rows } = await client.query<{ description: string | null; steps: unknown }>(
    `SELECT nt.description, nt.configuration->'steps' AS steps
       FROM tasker.named_tasks nt JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
      WHERE tn.name = $1 AND nt.name = $2 AND nt.version = $3`,
    [namespace, name, version],
  );
  const [row] = rows;
  const steps = Steps.safeParse(row?.steps);
  if (row === undefined || !steps.success) {
    throw notFound(`Template not found: ${namespace}/${name}/${version}`);
  }
  return {
    name,
    namespace,
    version,
    description: row.description,
    configuration: null,
    steps: steps.data.map((step) => ({
      name: step.name,
      description: step.description ?? null,
      default_retryable: step.retry.retryable,
      default_max_attempts: step.retry.max_attempts,
      result_schema: step.result_schema ?? null,
    })),
  };
}
