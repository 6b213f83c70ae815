import type { Command } from 'commander';
import { renderTable } from './render/table.ts';
import { TaskListAnswer } from './tasker-api/answers.ts';
import { type ApiOptions, openApi, printJson, withApiOptions } from './tasker-api/options.ts';
import { templateOf } from './tasker-api/show-task.ts';

interface TasksOptions extends ApiOptions {
  readonly namespace?: string;
  readonly status?: string;
  readonly page: string;
  readonly perPage: string;
}

/** `wasm-broker tasks`: a page of tasks, the newest first. */
export function tasksCommand(program: Command): void {
  withApiOptions(program.command('tasks'))
    .description('list tasks of a Tasker, the newest first')
    .option('--namespace <name>', 'only of this namespace')
    .option('--status <status>', 'completed or pending: Tasker tells no other apart in lists')
    .option('--page <number>', 'which page', '1')
    .option('--per-page <number>', 'tasks on a page, at most 100', '25')
    .action(async (options: TasksOptions) => {
      const query = new URLSearchParams({
        page: options.page,
        per_page: options.perPage,
        ...(options.namespace !== undefined && { namespace: options.namespace }),
        ...(options.status !== undefined && { status: options.status }),
      });
      const answer = await openApi(options).call('GET', `/v1/tasks?${query}`, TaskListAnswer);
      if (options.json === true) return printJson(answer);
      const rows = answer.tasks.map((task) => [
        task.task_uuid,
        templateOf(task),
        task.status,
        task.execution_status,
        `${task.completed_steps} of ${task.total_steps}`,
        task.created_at,
      ]);
      const { page, total_pages, total_count } = answer.pagination;
      const table = renderTable(['task', 'template', 'status', 'steps are', 'complete', 'created'], rows);
      process.stdout.write(`${table}\n\npage ${page} of ${total_pages}, ${total_count} tasks\n`);
    });
}
