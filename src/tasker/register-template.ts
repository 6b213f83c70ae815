import { refuse, type Verdict } from '../model/verdict.ts';
import type { Queryable } from './connection.ts';
import { createQueues } from './queues.ts';
import { TEMPLATE_IS_REGISTERED, UPSERT_NAMESPACE, UPSERT_TEMPLATE } from './sql/register.ts';
import type { TaskTemplate } from './template.ts';

/**
 * Stores a template where the orchestrator looks for it, after the queues its tasks need. A template that is already
 * registered under the same version with other content is refused with ERR_TEMPLATE_INVALID unless `force`: running
 * tasks would change under way, and a server that caches templates would go on using the old one.
 */
export async function registerTemplate(
  database: Queryable,
  template: TaskTemplate,
  { force = false }: { readonly force?: boolean } = {},
): Promise<Verdict<{ readonly stored: boolean }>> {
  const { namespace_name: namespace, name, version, description } = template;
  const configuration = JSON.stringify(template);
  await createQueues(database, namespace);
  await database.query(UPSERT_NAMESPACE, [namespace]);
  const upsert = [namespace, name, version, description, configuration, force];
  if ((await database.query(UPSERT_TEMPLATE, upsert)).rowCount !== 0) return { allowed: true, stored: true };
  const found = await database.query(TEMPLATE_IS_REGISTERED, [namespace, name, version, configuration]);
  if (found.rows[0].same) return { allowed: true, stored: false };
  return refuse(
    'ERR_TEMPLATE_INVALID',
    `template ${namespace}/${name} ${version} is registered with other content; raise its version, or force the change`,
  );
}
