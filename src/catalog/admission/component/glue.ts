import { BrokerError } from '../../../errors.ts';
import { COMPONENT_INTERFACES } from '../../../model/abi.ts';
import { refuse } from '../../../model/verdict.ts';
import { allowed } from '../refused.ts';

const MODULE_START = /^"use components";\nexport function instantiate\(/;
const MODULE_END = /\nexport const _util = \{\s*\}\s*$/;
const OTHER_MODULE_SYNTAX = /^\s*(import|export)\b/m;
/** How jco takes the host's functions apart. */
const HOST_FUNCTIONS = /^\s*const \{ ([^}]*) \} = imports\['tasker:catalog\/([a-z-]+)'\];$/gm;

/** How jco makes an instance of a core module. */
const INSTANCES = /\binstantiateCore\((module\d+)/g;

/**
 * jco's module as the body of a function that returns its `instantiate`: one that is compiled once and run for every
 * instance, with globals of the sandbox's choice. Throws where it is not as expected, asks for a host function that there
 * is none of, or makes two instances of one core module.
 */
export function glueBody(module: string, interfaces: readonly string[]): string {
  const body = module.replace(MODULE_START, 'return function instantiate(').replace(MODULE_END, '');
  if (!body.startsWith('return function instantiate(') || OTHER_MODULE_SYNTAX.test(body)) {
    throw unexpected();
  }
  requireOneInstanceEach(body);
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

/** A core module is handed one memory, and what its instance starts with is paid for once. */
function requireOneInstanceEach(body: string): void {
  const modules = new Set<string>();
  for (const [, module = ''] of body.matchAll(INSTANCES)) {
    if (modules.has(module)) {
      const message = 'expected one instance of each core module of the component, got two of one';
      allowed(refuse('ERR_MODULE_UNSUPPORTED', message));
    }
    modules.add(module);
  }
  if (modules.size === 0) throw unexpected();
}

function unexpected(): BrokerError {
  return new BrokerError('ERR_INTERNAL', 'the glue that jco wrote is not of the expected form');
}
