import type { Command } from 'commander';
import { type ApiOptions, openApi, printJson, withApiOptions } from './tasker-api/options.ts';
import { fetchTask, renderTask } from './tasker-api/show-task.ts';

/** `wasm-broker task`: one task and its steps. */
export function taskCommand(program: Command): void {
  withApiOptions(program.command('task'))
    .description('show a task and its steps')
    .argument('<id>', "the task's UUID")
    .action(async (id: string, options: ApiOptions) => {
      const found = await fetchTask(openApi(options), id);
      if (options.json === true) return printJson(found);
      process.stdout.write(renderTask(found));
    });
}
