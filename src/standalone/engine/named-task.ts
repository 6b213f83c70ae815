import type pg from 'pg';
import { BrokerError } from '../../errors.ts';
import { readTemplate, type Template } from './template.ts';

/** A registered template. Workers register; the engine only reads. */
export interface NamedTask {
  readonly uuid: string;
  readonly template: Template;
}

/** @throws BrokerError ERR_TEMPLATE_INVALID when it is not registered, or cannot be run */
export async function findNamedTask(
  client: pg.ClientBase,
  namespace: string,
  name: string,
  version: string,
): Promise<NamedTask> {
  const { rows } = await client.query<{ uuid: string; configuration: unknown }>(
    `SELECT nt.named_task_uuid AS uuid, nt.configuration
       FROM tasker.named_tasks nt JOIN tasker.task_namespaces tn USING (task_namespace_uuid)
      WHERE tn.name = $1 AND nt.name = $2 AND nt.version = $3`,
    [namespace, name, version],
  );
  const label = `${namespace}/${name}@${version}`;
  const [row] = rows;
  if (row === undefined) {
    throw new BrokerError(
      'ERR_TEMPLATE_INVALID',
      `template ${label} is not registered; start a worker that serves it first`,
    );
  }
  return { uuid: row.uuid, template: readTemplate(row.configuration, label) };
}

/** The template that a task was made from. */
export async function templateOfTask(client: pg.ClientBase, taskUuid: string): Promise<Template> {
  const { rows } = await client.query<{ configuration: unknown; label: string }>(
    `SELECT nt.configuration, nt.name || '@' || nt.version AS label
       FROM tasker.tasks t JOIN tasker.named_tasks nt USING (named_task_uuid) WHERE t.task_uuid = $1`,
    [taskUuid],
  );
  return readTemplate(rows[0]?.configuration, rows[0]?.label ?? taskUuid);
}
