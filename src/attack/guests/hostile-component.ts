import type { ModuleSource } from '../attack.ts';
import { answer, type ComponentParts, componentText, WIT } from './component.ts';
import { dataText } from './text.ts';

/* Components that mean harm, for the attacks and for the tests of what admission and the canonical ABI do with them. */

const withImport = (name: string, definition: string) =>
  `${WIT.replace('world handler {', `world handler {\n  import ${name};`)}\n${definition}`;
const raw = (text: string): ModuleSource => ({ componentText: text });
/** Answers with the text at (start, length). */
export const at = (start: number, length: number) => answer(`(i32.const ${start})`, `(i32.const ${length})`);
const SPIN = '(loop $again (br $again))';
const DENIED = dataText(100, '"denied"').field;

/** Refused before there is any glue, or by what jco makes of them. */
export const REFUSED_COMPONENTS = {
  wasi: {
    component: {
      foreign: '(import "wasi:cli/environment@0.2.0" "get-environment" (func (param i32)))',
      wit: withImport(
        'wasi:cli/environment@0.2.0',
        'package wasi:cli@0.2.0 { interface environment { get-environment: func() -> list<tuple<string, string>>; } }',
      ),
    },
  },
  otherVersion: { component: { imports: ['now'] }, renamed: ['@0.1.0', '@0.1.9'] },
  unknownFunction: { component: { imports: ['now'] }, renamed: ['\x03now', '\x03foo'] },
  unknownInterface: {
    component: {
      foreign: '(import "tasker:catalog/clock@0.1.0" "set" (func (param f64)))',
      wit: WIT.replace(
        'world handler {',
        'interface clock { set: func(at: f64); }\nworld handler {\n  import clock;',
      ),
    },
  },
  otherHandle: {
    component: {
      wit: WIT.replace(
        /export handle: .*;/,
        'export handle: func(input: list<u8>) -> result<string, error>;',
      ),
    },
  },
  empty: raw('(component)'),
  twoMemories: raw('(component (core module (memory 1) (memory 1)))'),
  wideMemory: raw('(component (component (core module (memory i64 1))))'),
  twoInstances: raw(componentText({}, '', '(core instance (instantiate $libc))')),
  sharedMemory: raw('(component (core module (memory 1 2 shared)))'),
  hostMemory: raw('(component (core module (import "host" "memory" (memory 1))))'),
  prototype: raw('(component (core module (func (export "__proto__"))))'),
  asyncBuiltIn: raw('(component (core func (canon backpressure.inc)))'),
  task: raw('(component (core func (canon task.cancel)))'),
  waitableSet: raw('(component (core func (canon waitable-set.new)))'),
} as const satisfies Record<string, ModuleSource>;

/** Names, in Latin-1, that would be more than a name if they stood in JavaScript. */
export const HOSTILE_NAMES = {
  'ends the string that it stands in': `a'];x();b['c`,
  'is the end of a comment': 'x*/y();/*z\'"',
  'goes on in a new line': `\n;x();\n//yy.`,
  'escapes the end of its string': `abcdefghijk\\`,
  'is a template': '`${x()}`abcd',
  'has a separator of lines': Buffer.from('a\u2028b\u2028x()').toString('latin1').padEnd(12, ';'),
} as const;

/** A component one of whose core modules has the name. */
export const namedComponent = (name: string): ModuleSource => ({
  component: {},
  renamed: ['cabi_realloc', name],
});

/** They are admitted, and do harm when they run. */
export const HOSTILE_PARTS = {
  resultOutside: { handle: '(i32.const 70000)' },
  textOutside: { handle: at(65_530, 100) },
  hugeText: { handle: at(0, -1) },
  neitherOkNorError: { handle: '(i32.store8 (i32.const 16) (i32.const 7)) (i32.const 16)' },
  allocatesOutside: { realloc: '(i32.const -8)' },
  endlessAllocation: { realloc: `${SPIN} (i32.const 0)` },
  endlessHandle: { handle: `${SPIN} (i32.const 0)` },
  endlessStart: { fields: `(func $spin ${SPIN}) (start $spin)` },
  takesAllMemory: {
    handle: '(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)',
  },
  logFlood: {
    imports: ['log'],
    handle: `(loop $again (call $log (i32.const 1) (i32.const 0) (i32.const 60000)) (br $again)) (i32.const 0)`,
  },
  logOutside: {
    imports: ['log'],
    handle: '(call $log (i32.const 1) (i32.const 65000) (i32.const 1000)) (i32.const 0)',
  },
  requestAtStart: {
    imports: ['request'],
    fields: `(func $early (call $request (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 400)))
      (start $early)`,
  },
  malformedRequest: {
    imports: ['request'],
    fields: DENIED,
    handle: `(call $request (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 400))
      (if (i32.eqz (i32.load8_u (i32.const 400))) (then (unreachable))) ${at(100, 8)}`,
  },
  /** Answers 1 if of its list only what lies in memory was kept. */
  listOutside: {
    imports: ['put', 'get'],
    fields: '(data (i32.const 100) "1")',
    handle: `(call $put (i32.const 100) (i32.const 1) (i32.const 65530) (i32.const 1000) (i32.const 1000) (i32.const 400))
      (call $get (i32.const 100) (i32.const 1) (i32.const 400))
      (if (i32.ne (i32.load (i32.const 412)) (i32.const 6)) (then (unreachable))) ${at(100, 1)}`,
  },
  answerOutside: {
    imports: ['request'],
    handle: `(call $request (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 70000)) ${at(0, 0)}`,
  },
  trapInPostReturn: { fields: '(func (export "cabi_post_handle") (param i32) (unreachable))' },
  endlessPostReturn: { fields: `(func (export "cabi_post_handle") (param i32) ${SPIN})` },
  /** Answers 1 if nothing is left of an invocation before, and leaves something. */
  remembers: {
    fields: '(global $runs (mut i32) (i32.const 0)) (data (i32.const 100) "1")',
    handle: `(if (i32.or (global.get $runs) (i32.load8_u (i32.const 9000))) (then (unreachable)))
      (if (i32.ne (local.get 0) (i32.const 4096)) (then (unreachable)))
      (global.set $runs (i32.const 1)) (i32.store8 (i32.const 9000) (i32.const 1)) ${at(100, 1)}`,
  },
} as const satisfies Record<string, ComponentParts>;

/** Makes resources without end. */
export const HANDLE_FLOOD = componentText(
  { make: { canon: 'resource.new $thing', type: '(param i32) (result i32)' } },
  '(loop $again (drop (call $make (i32.const 1))) (br $again))',
);
/** Gives up a resource that it does not have. */
export const FOREIGN_HANDLE = componentText(
  { drop: { canon: 'resource.drop $thing', type: '(param i32)' } },
  '(call $drop (i32.const 99))',
);
