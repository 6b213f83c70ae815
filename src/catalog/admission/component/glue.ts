import { BrokerError } from '../../../errors.ts';
import { COMPONENT_INTERFACES } from '../../../model/abi.ts';
import { refuse } from '../../../model/verdict.ts';
import { allowed } from '../refused.ts';

const MODULE_START = /^"use components";\nexport function instantiate\(/;
const MODULE_END = /\nexport const _util = \{\s*\}\s*$/;
const OTHER_MODULE_SYNTAX = /^\s*(import|export)\b/m;
/** How jco takes the host's functions apart. */
const HOST_FUNCTIONS = /^\s*const \{ ([^}]*) \} = imports\['tasker:catalog\/([a-z-]+)'\];$/gm;

/**
 * jco's module as the body of a function that returns its `instantiate`: one that is compiled once and run for every
 * instance, with globals of the sandbox's choice. Throws where it is not as expected, or asks for a host function that
 * there is none of.
 */
export function glueBody(module: string, interfaces: readonly string[]): string {
  const body = module.replace(MODULE_START, 'return function instantiate(').replace(MODULE_END, '');
  if (!body.startsWith('return function instantiate(') || OTHER_MODULE_SYNTAX.test(body)) {
    throw new BrokerError('ERR_INTERNAL', 'the glue that jco wrote is not of the expected form');
  }
  for (const [, list = '', name = ''] of body.matchAll(HOST_FUNCTIONS)) {
    const functions = list.split(',').map((item) => (item.split(':')[0] ?? '').trim());
    const known = COMPONENT_INTERFACES[name]?.functions ?? [];
    const unknown = functions.find((item) => !known.includes(item));
    if (interfaces.includes(name) && unknown === undefined) continue;
    const shown = `tasker:catalog/${name}#${unknown}`.slice(0, 120);
    allowed(refuse('ERR_IMPORT_UNKNOWN', `unknown import ${shown}; see wit/handler.wit`, { import: shown }));
  }
  return body;
}
