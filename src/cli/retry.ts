import type { Command } from 'commander';
import { BrokerError } from '../errors.ts';
import { type StepAnswer, StepAnswer as StepSchema } from './tasker-api/answers.ts';
import { type ApiOptions, openApi, printJson, withApiOptions } from './tasker-api/options.ts';
import { fetchTask, type TaskWithSteps, taskPath } from './tasker-api/show-task.ts';

interface RetryOptions extends ApiOptions {
  readonly reason: string;
  readonly by: string;
}

/** `wasm-broker retry`: puts failed steps back to pending. */
export function retryCommand(program: Command): void {
  withApiOptions(program.command('retry'))
    .description('reset the failed steps of a task, or one of them, so that they may run again')
    .argument('<id>', "the task's UUID")
    .argument('[step]', 'name or UUID of a failed step; default: all of them')
    .option('--reason <text>', 'kept by Tasker', 'retried by an operator')
    .option('--by <name>', 'who did it; kept by Tasker', 'wasm-broker')
    .action(async (id: string, step: string | undefined, options: RetryOptions) => {
      const api = openApi(options);
      const found = await fetchTask(api, id);
      const reset: StepAnswer[] = [];
      for (const { step_uuid } of chooseSteps(found, step)) {
        const path = `${taskPath(id)}/workflow_steps/${encodeURIComponent(step_uuid)}`;
        const body = { action_type: 'reset_for_retry', reason: options.reason, reset_by: options.by };
        reset.push(await api.call('PATCH', path, StepSchema, body));
      }
      if (options.json === true) return printJson(reset);
      const lines = reset.map((answer) => `step ${answer.name}: ${answer.current_state}${hint(answer)}`);
      process.stdout.write(`${[...lines, ...taskHint(found)].join('\n')}\n`);
    });
}

/** @throws BrokerError ERR_USAGE when there is nothing to reset */
function chooseSteps({ task, steps }: TaskWithSteps, wanted: string | undefined): readonly StepAnswer[] {
  if (wanted !== undefined) {
    const step = steps.find(({ name, step_uuid }) => name === wanted || step_uuid === wanted);
    if (step !== undefined) return [step];
    const names = steps.map(({ name }) => name).join(', ');
    throw new BrokerError('ERR_USAGE', `task ${task.task_uuid} has no step "${wanted}"; it has ${names}`);
  }
  const failed = steps.filter(({ current_state }) => current_state === 'error');
  if (failed.length > 0) return failed;
  throw new BrokerError(
    'ERR_USAGE',
    `task ${task.task_uuid} has no failed step; its status is ${task.status}`,
  );
}

/** Tasker does not reset the attempts with the step (hazard 16). */
function hint({ attempts, max_attempts }: StepAnswer): string {
  if (attempts === 0 || attempts < max_attempts) return '';
  return `, but its ${attempts} of ${max_attempts} attempts are used up: Tasker will not run it again`;
}

/** Tasker evaluates a blocked or ended task no more, whatever becomes of its steps. */
function taskHint({ task }: TaskWithSteps): readonly string[] {
  if (task.status !== 'blocked_by_failures' && task.status !== 'error') return [];
  return [`task ${task.task_uuid} stays ${task.status}: Tasker 0.1.8 does not resume it; submit it again`];
}
