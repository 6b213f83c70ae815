import * as z from 'zod';

/*
 * The part of Tasker's REST API that the suite drives and reads. Responses are checked, so that a server that answers
 * in another shape fails with what differs.
 */

/** What `workflow_steps.results` holds; null before the first result. */
const Results = z.object({
  success: z.boolean(),
  status: z.string(),
  result: z.json(),
  error: z
    .object({ message: z.string(), error_type: z.string().nullable(), retryable: z.boolean() })
    .nullable(),
  metadata: z.object({ retryable: z.boolean(), error_code: z.string().nullable(), worker_id: z.string() }),
});

const Step = z.object({
  step_uuid: z.guid(),
  name: z.string(),
  current_state: z.string(),
  results: z.unknown(),
  attempts: z.int(),
  max_attempts: z.int(),
  dependencies_satisfied: z.boolean(),
  total_parents: z.int(),
  completed_parents: z.int(),
});

const Task = z.object({
  task_uuid: z.guid(),
  name: z.string(),
  namespace: z.string(),
  status: z.string(),
  context: z.json(),
  total_steps: z.int(),
  completed_steps: z.int(),
  failed_steps: z.int(),
  execution_status: z.string(),
  completion_percentage: z.number(),
});

export type StepResults = z.infer<typeof Results>;
export type StepResponse = z.infer<typeof Step>;
export type TaskResponse = z.infer<typeof Task>;

/** An answer with a status that was not expected. */
export class RestError extends Error {
  readonly status: number;
  constructor(request: string, status: number, body: string) {
    super(`${request}: expected success, got ${status}: ${body.slice(0, 500)}`);
    this.name = 'RestError';
    this.status = status;
  }
}

export interface NewTask {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  /** Its identity: a task with the same context is refused, whatever else differs. */
  readonly context: unknown;
}

export interface RestClient {
  createTask(task: NewTask): Promise<TaskResponse>;
  task(taskUuid: string): Promise<TaskResponse>;
  steps(taskUuid: string): Promise<readonly StepResponse[]>;
  cancel(taskUuid: string): Promise<void>;
  /** `action` is the body of an operator's action: `reset_for_retry`, `resolve_manually`, `complete_manually`. */
  resolveStep(taskUuid: string, stepUuid: string, action: Readonly<Record<string, unknown>>): Promise<void>;
}

export function createRestClient(baseUrl: string): RestClient {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const url = new URL(path, baseUrl);
    const content = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(url, { method, ...(body === undefined ? {} : content) });
    const text = await response.text();
    if (!response.ok) throw new RestError(`${method} ${url.pathname}`, response.status, text);
    return text === '' ? null : JSON.parse(text);
  };
  return {
    createTask: async (task) =>
      Task.parse(
        await call('POST', '/v1/tasks', {
          ...task,
          initiator: 'interop',
          source_system: 'tasker-wasm-broker',
          reason: 'interop suite',
        }),
      ),
    task: async (taskUuid) => Task.parse(await call('GET', `/v1/tasks/${taskUuid}`)),
    steps: async (taskUuid) => z.array(Step).parse(await call('GET', `/v1/tasks/${taskUuid}/workflow_steps`)),
    cancel: async (taskUuid) => void (await call('DELETE', `/v1/tasks/${taskUuid}`)),
    resolveStep: async (taskUuid, stepUuid, action) =>
      void (await call('PATCH', `/v1/tasks/${taskUuid}/workflow_steps/${stepUuid}`, action)),
  };
}

/** The result that a step's row holds. Throws when it has none, or one that Tasker could not have read. */
export function resultsOf(step: StepResponse): StepResults {
  return Results.parse(step.results);
}
