import type { ErrorCode } from '../../errors.ts';
import {
  type Attack,
  type Expected,
  type HandlerAttack,
  harmless,
  type ModuleSource,
  notAdmitted,
  refused,
  settled,
} from '../attack.ts';
import type { ComponentParts } from '../guests/component.ts';
import { httpGrant } from '../guests/courier.ts';
import {
  FOREIGN_HANDLE,
  HANDLE_FLOOD,
  HOSTILE_NAMES,
  namedComponent,
  HOSTILE_PARTS as PARTS,
  REFUSED_COMPONENTS as REFUSED,
} from '../guests/hostile-component.ts';

const bringing = (id: string, tries: string, module: ModuleSource, code: ErrorCode): Attack => ({
  id: `component-${id}`,
  threat: 'component',
  tries,
  by: { kind: 'handler', module },
  expect: notAdmitted(code),
});

/** Components run in a process where policy does not say otherwise. */
const running = (
  id: string,
  tries: string,
  module: ComponentParts | ModuleSource,
  expect: Expected,
  more: Partial<HandlerAttack> = {},
): Attack => ({
  id: `component-${id}`,
  threat: 'component',
  tries,
  by: {
    kind: 'handler',
    module: 'componentText' in module ? module : { component: module as ComponentParts },
    isolated: true,
    step: { context: {} },
    ...more,
  },
  expect,
});

const OUTSIDE = settled('trapped', 'ERR_GUEST_POINTER');
const OUT_OF_FUEL = settled('exhausted', 'ERR_LIMIT_FUEL');
const TRAP = settled('trapped', 'ERR_GUEST_TRAP');
const PROTOCOL = settled('trapped', 'ERR_GUEST_PROTOCOL');
const HTTP = { grants: [httpGrant()] };
const LITTLE_FUEL = { limits: { fuel: 1_000_000 } };

const NAMES = Object.entries(HOSTILE_NAMES).map(([what, name], at) =>
  bringing(
    `name-${at + 1}`,
    `write JavaScript by a name that ${what}`,
    namedComponent(name),
    'ERR_MODULE_UNSUPPORTED',
  ),
);

export const COMPONENT_ATTACKS: readonly Attack[] = [
  ...NAMES,
  bringing(
    'name-prototype',
    'reach the prototype of the glue’s objects',
    REFUSED.prototype,
    'ERR_MODULE_UNSUPPORTED',
  ),
  bringing('wasi', 'read the environment through WASI', REFUSED.wasi, 'ERR_IMPORT_UNKNOWN'),
  bringing(
    'other-version',
    'import another version of an interface',
    REFUSED.otherVersion,
    'ERR_IMPORT_UNKNOWN',
  ),
  bringing(
    'unknown-function',
    'import what an interface does not have',
    REFUSED.unknownFunction,
    'ERR_IMPORT_UNKNOWN',
  ),
  bringing(
    'unknown-interface',
    'import an interface of its own making',
    REFUSED.unknownInterface,
    'ERR_IMPORT_UNKNOWN',
  ),
  bringing(
    'host-memory',
    'share the memory that the host hands in',
    REFUSED.hostMemory,
    'ERR_IMPORT_UNKNOWN',
  ),
  bringing('other-handle', 'have an entry of another type', REFUSED.otherHandle, 'ERR_EXPORT_MISSING'),
  bringing('empty', 'have nothing inside', REFUSED.empty, 'ERR_EXPORT_MISSING'),
  bringing(
    'two-memories',
    'have a second memory that nobody counts',
    REFUSED.twoMemories,
    'ERR_MODULE_UNSUPPORTED',
  ),
  bringing(
    'wide-memory',
    'use 64-bit addresses in a nested component',
    REFUSED.wideMemory,
    'ERR_MODULE_UNSUPPORTED',
  ),
  bringing(
    'two-instances',
    'make two instances of one core module and pay for one',
    REFUSED.twoInstances,
    'ERR_MODULE_UNSUPPORTED',
  ),
  bringing(
    'shared-memory',
    'share its memory between threads',
    REFUSED.sharedMemory,
    'ERR_MODULE_UNSUPPORTED',
  ),
  bringing(
    'backpressure',
    'hold back calls by an asynchronous built-in',
    REFUSED.asyncBuiltIn,
    'ERR_MODULE_UNSUPPORTED',
  ),
  bringing('task', 'cancel tasks by an asynchronous built-in', REFUSED.task, 'ERR_MODULE_UNSUPPORTED'),
  bringing(
    'waitable-set',
    'make sets of waitables that no fuel bounds',
    REFUSED.waitableSet,
    'ERR_MODULE_UNSUPPORTED',
  ),
  running(
    'memory',
    'grow a memory that has no maximum',
    PARTS.takesAllMemory,
    settled('exhausted', 'ERR_LIMIT_MEMORY'),
  ),
  running(
    'loop-in-realloc',
    'loop for ever while the host asks for memory',
    PARTS.endlessAllocation,
    OUT_OF_FUEL,
    LITTLE_FUEL,
  ),
  running(
    'loop-in-start',
    'loop for ever in the start function of its core',
    PARTS.endlessStart,
    OUT_OF_FUEL,
    LITTLE_FUEL,
  ),
  running(
    'loop-in-post-return',
    'loop for ever once its result is taken',
    PARTS.endlessPostReturn,
    OUT_OF_FUEL,
    LITTLE_FUEL,
  ),
  running('trap-in-post-return', 'trap once its result is taken', PARTS.trapInPostReturn, TRAP),
  running('realloc-outside', 'have the host write beyond memory', PARTS.allocatesOutside, OUTSIDE),
  running('result-outside', 'return a result that lies beyond memory', PARTS.resultOutside, OUTSIDE),
  running('text-outside', 'return a text that reaches beyond memory', PARTS.textOutside, OUTSIDE),
  running('text-huge', 'return four gigabytes', PARTS.hugeText, OUTSIDE),
  running('list-outside', 'keep a list of bytes that reaches beyond memory', PARTS.listOutside, harmless(1), {
    grants: [{ capability: 'cache', ttl_ms: 1000 }],
  }),
  running(
    'answer-outside',
    'have the host’s answer written beyond memory',
    PARTS.answerOutside,
    OUTSIDE,
    HTTP,
  ),
  running('log-outside', 'log what lies beyond memory', PARTS.logOutside, OUTSIDE, {
    grants: [{ capability: 'log' }],
  }),
  running('variant', 'return a result that is neither ok nor error', PARTS.neitherOkNorError, PROTOCOL),
  running('handles', 'fill the table of handles', { componentText: HANDLE_FLOOD }, OUT_OF_FUEL),
  running(
    'foreign-handle',
    'give up a handle that it does not have',
    { componentText: FOREIGN_HANDLE },
    harmless({}),
  ),
  running(
    'ungranted',
    'send a request that was not granted',
    PARTS.malformedRequest,
    refused('ERR_GRANT_MISSING'),
    {
      requests: [httpGrant()],
    },
  ),
  running('request-in-start', 'wait for a request before it is ready', PARTS.requestAtStart, TRAP, HTTP),
  running('state', 'read what it left behind itself', PARTS.remembers, harmless(1), {
    contextsBefore: [{}, {}],
  }),
];
