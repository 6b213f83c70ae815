import * as z from 'zod';
import type { JsonValue } from '../model/json.ts';

/*
 * Tasker's task template. Registering one stores it with every default filled in, and Tasker compares and reads what
 * is stored, so the defaults here are exactly those of Tasker 0.1.8. Unknown fields are dropped, as Tasker drops them.
 */

const json = z.unknown().transform((value) => value as JsonValue);
const optional = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().default(null);
const count = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

const Retry = z.object({
  retryable: z.boolean().default(true),
  max_attempts: count.min(1).default(3),
  backoff: z.enum(['exponential', 'linear', 'fibonacci', 'none']).default('exponential'),
  backoff_base_ms: optional(count),
  max_backoff_ms: optional(count),
});

/** What Tasker assumes where a step has no `retry` block at all; a block without the two numbers leaves them null. */
const RETRY_ABSENT = {
  retryable: true,
  max_attempts: 3,
  backoff: 'exponential',
  backoff_base_ms: 1000,
  max_backoff_ms: 30_000,
} as const satisfies z.infer<typeof Retry>;

const Handler = z.object({
  callable: z.string().min(1).max(500),
  method: optional(z.string()),
  resolver: optional(z.string()),
  initialization: z.record(z.string(), json).default({}),
});

const EventDeclaration = z.object({
  name: z.string(),
  description: z.string(),
  condition: z
    .enum(['success', 'failure', 'retryable_failure', 'permanent_failure', 'always'])
    .default('success'),
  schema: json,
  delivery_mode: z.enum(['durable', 'fast', 'broadcast']).default('durable'),
  publisher: optional(z.string()),
});

const BatchConfig = z.object({
  batch_size: count,
  parallelism: count,
  cursor_field: z.string(),
  worker_template: z.string(),
  failure_strategy: z.enum(['continue_on_failure', 'fail_fast', 'isolate']).default('continue_on_failure'),
});

const StepFields = z.object({
  name: z.string().min(1).max(128),
  description: optional(z.string()),
  handler: Handler,
  type: z
    .enum(['standard', 'decision', 'deferred_convergence', 'batchable', 'batch_worker'])
    .default('standard'),
  system_dependency: optional(z.string()),
  dependencies: z.array(z.string()).default([]),
  retry: Retry.default(RETRY_ABSENT),
  timeout_seconds: optional(count),
  publishes_events: z.array(EventDeclaration).default([]),
  batch_config: optional(BatchConfig),
  // These two are left out of what is stored when they are absent.
  result_schema: json.optional(),
  composition: json.optional(),
});

const ALIASES = { step_type: 'type', depends_on: 'dependencies' } as const;

/** One step of a template. `step_type` and `depends_on` are accepted for `type` and `dependencies`. */
export const TemplateStep = z.preprocess((value, context) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const step: Record<string, unknown> = { ...value };
  for (const [alias, name] of Object.entries(ALIASES)) {
    if (!(alias in step)) continue;
    if (name in step) context.addIssue(`expected either ${name} or ${alias}, got both`);
    step[name] = step[alias];
    delete step[alias];
  }
  return step;
}, StepFields);
export type TemplateStep = Readonly<z.infer<typeof StepFields>>;

const StepOverride = z.object({
  name: z.string().min(1),
  handler: optional(z.object({ initialization: optional(z.record(z.string(), json)) })),
  timeout_seconds: optional(count),
  retry: optional(Retry),
});

const Lifecycle = z.object({
  max_duration_minutes: optional(count),
  max_waiting_for_dependencies_minutes: optional(count),
  max_waiting_for_retry_minutes: optional(count),
  max_steps_in_process_minutes: optional(count),
  staleness_action: z.string().min(1).default('dlq'),
  auto_fail_on_timeout: optional(z.boolean()),
  auto_dlq_on_timeout: optional(z.boolean()),
});

/** A task template. Lengths are those of the columns it is stored in. */
export const TaskTemplate = z.object({
  name: z.string().min(1).max(64),
  namespace_name: z.string(),
  version: z.string().min(1).max(16),
  description: optional(z.string().max(255)),
  metadata: optional(
    z.object({
      author: optional(z.string()),
      tags: z.array(z.string()).default([]),
      documentation_url: optional(z.string()),
      created_at: optional(z.string()),
      updated_at: optional(z.string()),
    }),
  ),
  system_dependencies: z
    .object({ primary: z.string().min(1).default('default'), secondary: z.array(z.string()).default([]) })
    .prefault({}),
  domain_events: z
    .array(
      z.object({ name: z.string().min(1), description: optional(z.string()), schema: json.default(null) }),
    )
    .default([]),
  input_schema: json.default(null),
  steps: z.array(TemplateStep).default([]),
  environments: z.record(z.string(), z.object({ steps: z.array(StepOverride).default([]) })).default({}),
  lifecycle: optional(Lifecycle),
});
export type TaskTemplate = Readonly<z.infer<typeof TaskTemplate>>;
