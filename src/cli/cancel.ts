import type { Command } from 'commander';
import { TaskAnswer } from './tasker-api/answers.ts';
import { type ApiOptions, openApi, printJson, withApiOptions } from './tasker-api/options.ts';
import { taskPath } from './tasker-api/show-task.ts';

/** `wasm-broker cancel`: ends a task and its steps, also those that run. */
export function cancelCommand(program: Command): void {
  withApiOptions(program.command('cancel'))
    .description('cancel a task with its steps')
    .argument('<id>', "the task's UUID")
    .action(async (id: string, options: ApiOptions) => {
      const task = await openApi(options).call('DELETE', taskPath(id), TaskAnswer);
      if (options.json === true) return printJson(task);
      process.stdout.write(`task ${task.task_uuid}: ${task.status}\n`);
    });
}
