import * as z from 'zod';
import { ApiError } from './api-error.ts';

const i32 = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1);

/** `POST /v1/tasks`: seven fields are required (worker protocol §6.1); unknown ones are ignored. */
export const TaskBody = z.object({
  name: z.string(),
  namespace: z.string(),
  version: z.string(),
  context: z.json(),
  initiator: z.string(),
  source_system: z.string(),
  reason: z.string(),
  tags: z.array(z.string()).default([]),
  /** Without a zone; read and replaced by the time of the request. */
  requested_at: z.iso.datetime({ local: true }).optional(),
  options: z.record(z.string(), z.json()).nullish(),
  priority: i32.nullish(),
  correlation_id: z.guid().optional(),
  parent_correlation_id: z.guid().nullish(),
  /** Read and not used: Tasker 0.1.8 always identifies a task by its template and context. */
  idempotency_key: z.string().nullish(),
});

/** `PATCH /v1/tasks/{uuid}/workflow_steps/{step_uuid}`. */
export const StepActionBody = z.discriminatedUnion('action_type', [
  z.object({ action_type: z.literal('reset_for_retry'), reason: z.string(), reset_by: z.string() }),
  z.object({ action_type: z.literal('resolve_manually'), reason: z.string(), resolved_by: z.string() }),
  z.object({
    action_type: z.literal('complete_manually'),
    completion_data: z.object({ result: z.json(), metadata: z.json().nullish() }),
    reason: z.string(),
    completed_by: z.string(),
  }),
]);

const u32 = z
  .string()
  .regex(/^\+?\d{1,10}$/)
  .transform(Number)
  .refine((value) => value <= 0xffff_ffff);

/** Query of `GET /v1/tasks`. */
export const TaskListQuery = z.object({
  page: u32.default(1),
  per_page: u32.default(25),
  namespace: z.string().optional(),
  status: z.string().optional(),
  initiator: z.string().optional(),
  source_system: z.string().optional(),
});
export type TaskListQuery = z.output<typeof TaskListQuery>;

/** @throws ApiError 422 in plain text: the JSON is fine, but it is not what the endpoint takes */
export function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ApiError(
    422,
    null,
    `Failed to deserialize the JSON body into the target type: ${issueOf(parsed.error, body)}`,
  );
}

/** @throws ApiError 400 in plain text */
export function readQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw new ApiError(400, null, `Failed to deserialize query string: ${issueOf(parsed.error, query)}`);
}

function issueOf(error: z.ZodError, input: unknown): string {
  const [issue] = error.issues;
  const path = issue?.path ?? [];
  const found = path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  if (found === undefined) return `missing field \`${path.join('.')}\``;
  return path.length === 0 ? (issue?.message ?? 'invalid') : `${path.join('.')}: ${issue?.message}`;
}

/** Any UUID in text, with or without hyphens. */
export const isUuid = (text: string): boolean =>
  /^([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})$/i.test(text);
