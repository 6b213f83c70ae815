import { isJsonObject, type JsonValue } from '../../model/json.ts';
import { renderTable } from '../render/table.ts';
import { type StepAnswer, StepListAnswer, TaskAnswer } from './answers.ts';
import type { TaskerApi } from './client.ts';

export interface TaskWithSteps {
  readonly task: TaskAnswer;
  readonly steps: readonly StepAnswer[];
}

export async function fetchTask(api: TaskerApi, taskUuid: string): Promise<TaskWithSteps> {
  const path = taskPath(taskUuid);
  const task = await api.call('GET', path, TaskAnswer);
  const steps = await api.call('GET', `${path}/workflow_steps`, StepListAnswer);
  return { task, steps };
}

/** One path segment, whatever was typed. */
export const taskPath = (taskUuid: string): string => `/v1/tasks/${encodeURIComponent(taskUuid)}`;

/** A task and a line for each of its steps. */
export function renderTask({ task, steps }: TaskWithSteps): string {
  const rows = steps.map((step) => [
    step.name,
    step.current_state,
    `${step.attempts} of ${step.max_attempts}`,
    step.current_state === 'waiting_for_retry' ? (step.next_retry_at ?? 'now') : '',
    errorOf(step.results),
  ]);
  const head = `task ${task.task_uuid}: ${task.status}  ${templateOf(task)}  ${task.completed_steps} of ${task.total_steps} steps complete`;
  return `${head}\n\n${renderTable(['step', 'state', 'attempts', 'next retry', 'error'], rows)}\n`;
}

export const templateOf = ({ namespace, name, version }: TaskAnswer): string =>
  `${namespace}/${name}@${version}`;

const MAX_ERROR_CHARS = 120;

/** untrusted: a worker's text on its way to a terminal. */
function errorOf(results: JsonValue): string {
  const error = isJsonObject(results) ? results['error'] : null;
  const message = isJsonObject(error) ? error['message'] : null;
  return typeof message === 'string' ? message.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_ERROR_CHARS) : '';
}
