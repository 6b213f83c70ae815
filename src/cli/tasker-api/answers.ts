import * as z from 'zod';

/*
 * What the commands read of Tasker's answers (worker protocol §6.1). Unknown fields are kept, so that `--json` prints
 * whatever the server said.
 */

export const TaskAnswer = z.looseObject({
  task_uuid: z.string(),
  name: z.string(),
  namespace: z.string(),
  version: z.string(),
  status: z.string(),
  created_at: z.string(),
  total_steps: z.number(),
  completed_steps: z.number(),
  execution_status: z.string(),
});
export type TaskAnswer = z.output<typeof TaskAnswer>;

export const TaskListAnswer = z.looseObject({
  tasks: z.array(TaskAnswer),
  pagination: z.looseObject({ page: z.number(), total_count: z.number(), total_pages: z.number() }),
});

export const StepAnswer = z.looseObject({
  step_uuid: z.string(),
  name: z.string(),
  current_state: z.string(),
  attempts: z.number(),
  max_attempts: z.number(),
  next_retry_at: z.string().nullable(),
  results: z.json(),
});
export type StepAnswer = z.output<typeof StepAnswer>;
export const StepListAnswer = z.array(StepAnswer);

export const TemplateListAnswer = z.looseObject({
  templates: z.array(z.looseObject({ name: z.string(), namespace: z.string(), version: z.string() })),
});

/** States in which a task does nothing more by itself; Tasker leaves a failed one in `blocked_by_failures`. */
export const ENDED_STATES: ReadonlySet<string> = new Set([
  'complete',
  'error',
  'cancelled',
  'resolved_manually',
  'blocked_by_failures',
]);
