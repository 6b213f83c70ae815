import type pg from 'pg';
import type { JsonObject } from '../../model/json.ts';
import { executionOf } from '../engine/execution.ts';
import { loadReadiness } from '../engine/readiness.ts';
import { badRequest, databaseError } from './api-error.ts';
import type { TaskListQuery } from './requests.ts';
import { TASK_ROW, type TaskRow, toTaskResponse } from './task-response.ts';

const MAX_PER_PAGE = 100;

/** `GET /v1/tasks`, newest first. @throws ApiError for a page out of range, or a status that Tasker cannot filter by */
export async function listTasks(
  client: pg.ClientBase,
  nowMs: number | null,
  query: TaskListQuery,
): Promise<JsonObject> {
  const { page, per_page: perPage } = query;
  if (perPage === 0 || perPage > MAX_PER_PAGE) throw badRequest('per_page must be between 1 and 100');
  if (page === 0) throw badRequest('page must be >= 1');
  const filters = [query.namespace, completeOf(query.status), query.initiator, query.source_system];
  const values = filters.map((value) => value ?? null);
  const where = `WHERE ($1::text IS NULL OR tn.name = $1) AND ($2::boolean IS NULL OR t.complete = $2)
    AND ($3::text IS NULL OR t.initiator = $3) AND ($4::text IS NULL OR t.source_system = $4)`;
  const { rows } = await client.query<TaskRow>(
    `${TASK_ROW} ${where} ORDER BY t.created_at DESC LIMIT $5 OFFSET $6`,
    [...values, perPage, (page - 1) * perPage],
  );
  const counted = await client.query<{ total: number }>(
    `SELECT count(*)::integer AS total FROM tasker.tasks t JOIN tasker.named_tasks nt USING (named_task_uuid)
       JOIN tasker.task_namespaces tn USING (task_namespace_uuid) ${where}`,
    values,
  );
  const total = counted.rows[0]?.total ?? 0;
  const totalPages = Math.ceil(total / perPage);
  const steps = await loadReadiness(
    client,
    nowMs,
    rows.map((row) => row.task_uuid),
  );
  const byTask = Map.groupBy(steps, (step) => step.taskUuid);
  return {
    tasks: rows.map((row) =>
      toTaskResponse(
        row,
        row.complete ? 'completed' : 'pending',
        executionOf(byTask.get(row.task_uuid) ?? []),
        [],
      ),
    ),
    pagination: {
      page,
      per_page: perPage,
      total_count: total,
      total_pages: totalPages,
      has_next: page < totalPages,
      has_previous: page > 1,
    },
  };
}

/** Tasker filters by these two words and builds a broken statement for any other. */
function completeOf(status: string | undefined): boolean | undefined {
  if (status === undefined) return undefined;
  if (status === 'completed') return true;
  if (status === 'pending') return false;
  throw databaseError();
}
