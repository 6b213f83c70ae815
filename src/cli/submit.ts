import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { BrokerError, isBrokerError, messageOf } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../model/json.ts';
import { readTemplates } from '../tasker/read-template.ts';
import { ENDED_STATES, TaskAnswer, TemplateListAnswer } from './tasker-api/answers.ts';
import type { TaskerApi } from './tasker-api/client.ts';
import { type ApiOptions, openApi, printJson, withApiOptions } from './tasker-api/options.ts';
import { fetchTask, renderTask, taskPath, templateOf } from './tasker-api/show-task.ts';

interface SubmitOptions extends ApiOptions {
  readonly context: string;
  readonly wait?: boolean;
  readonly reason: string;
}

/** Between two looks at a task that is waited for. */
const WAIT_POLL_MS = 200;

/** `wasm-broker submit`: creates a task, and on request waits for its end. */
export function submitCommand(program: Command): void {
  withApiOptions(program.command('submit'))
    .description('submit a task of a registered template')
    .argument('<template>', 'a template file, or NAMESPACE/NAME[@VERSION]')
    .requiredOption('--context <file>', "the task's input (JSON object); - for standard input")
    .option('--wait', 'wait until the task has ended; exit code 1 unless it is complete')
    .option('--reason <text>', 'kept by Tasker', 'submitted by hand')
    .action(async (template: string, options: SubmitOptions) => {
      const api = openApi(options);
      const request = {
        ...(await nameTemplate(api, template)),
        context: await readContext(options.context),
        initiator: 'wasm-broker submit',
        source_system: 'wasm-broker',
        reason: options.reason,
      };
      const task = await api.call('POST', '/v1/tasks', TaskAnswer, request).catch(explainConflict);
      if (options.wait === true) return await follow(api, task.task_uuid, options.json === true);
      if (options.json === true) return printJson(task);
      process.stdout.write(`task ${task.task_uuid}: ${task.status}  ${templateOf(task)}\n`);
    });
}

interface TemplateName {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
}

async function nameTemplate(api: TaskerApi, text: string): Promise<TemplateName> {
  if (existsSync(text)) return nameInFile(text);
  const [, namespace, name, version] = /^([^/@]+)\/([^/@]+)(?:@([^/@]+))?$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined) {
    throw new BrokerError('ERR_USAGE', `expected a template file or NAMESPACE/NAME[@VERSION], got "${text}"`);
  }
  if (version !== undefined) return { namespace, name, version };
  return { namespace, name, version: await onlyVersion(api, namespace, name) };
}

async function nameInFile(file: string): Promise<TemplateName> {
  const [template, another] = await readTemplates(file);
  if (template === undefined || another !== undefined) {
    throw new BrokerError('ERR_USAGE', `${file}: expected one template, got ${another ? 'several' : 'none'}`);
  }
  return { namespace: template.namespace_name, name: template.name, version: template.version };
}

async function onlyVersion(api: TaskerApi, namespace: string, name: string): Promise<string> {
  const query = new URLSearchParams({ namespace });
  const { templates } = await api.call('GET', `/v1/templates?${query}`, TemplateListAnswer);
  const versions = templates.filter((template) => template.name === name).map(({ version }) => version);
  const [version] = versions;
  if (version !== undefined && versions.length === 1) return version;
  const found = version === undefined ? 'none; start a worker that serves it' : versions.join(', ');
  throw new BrokerError('ERR_USAGE', `${namespace}/${name}: expected one registered version, got ${found}`);
}

async function readContext(file: string): Promise<JsonObject> {
  const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((error: unknown) => {
    throw new BrokerError('ERR_USAGE', `--context: ${messageOf(error)}`, { cause: error });
  });
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw new BrokerError('ERR_INPUT_INVALID', `--context ${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new BrokerError('ERR_INPUT_INVALID', `--context ${file}: expected a JSON object`);
}

/** Tasker tells a repeated task by template and context alone, which its message does not say. */
function explainConflict(error: unknown): never {
  if (!isBrokerError(error) || error.details['status'] !== 409) throw error;
  throw new BrokerError(
    error.code,
    `${error.message}; Tasker takes the same context for the same task: change something in it`,
    { cause: error, details: error.details },
  );
}

async function follow(api: TaskerApi, taskUuid: string, json: boolean): Promise<void> {
  for (;;) {
    const { status } = await api.call('GET', taskPath(taskUuid), TaskAnswer);
    if (ENDED_STATES.has(status)) break;
    await sleep(WAIT_POLL_MS);
  }
  const ended = await fetchTask(api, taskUuid);
  if (json) printJson(ended);
  else process.stdout.write(renderTask(ended));
  if (ended.task.status !== 'complete') process.exitCode = 1;
}
