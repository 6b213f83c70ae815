import { type Attack, harmless, notAdmitted } from '../attack.ts';
import { guestText } from '../guests/text.ts';

const UNKNOWN = notAdmitted('ERR_IMPORT_UNKNOWN');

const reaching = (id: string, tries: string, line: string): Attack => {
  const memory = line.includes('(memory') ? '(export "memory" (memory 0))' : '(memory (export "memory") 1)';
  const wat = `(module ${line} ${memory} (func (export "tk_handle") (result i32) (i32.const 0)))`;
  return {
    id: `import-${id}`,
    threat: 'imports',
    tries,
    by: { kind: 'handler', module: { wat } },
    expect: UNKNOWN,
  };
};

const plainReaching = (id: string, tries: string, line: string): Attack => ({
  id: `plain-import-${id}`,
  threat: 'imports',
  tries,
  by: { kind: 'handler', module: { plain: { imports: line } } },
  expect: UNKNOWN,
});

const exporting = (id: string, tries: string, fields: string): Attack => ({
  id: `export-${id}`,
  threat: 'imports',
  tries,
  by: { kind: 'handler', module: { wat: guestText({ fields }) } },
  expect: harmless(1),
});

export const IMPORT_ATTACKS: readonly Attack[] = [
  reaching('clock', 'read the clock', '(import "env" "Date.now" (func (result f64)))'),
  reaching('randomness', 'draw true randomness', '(import "env" "seed" (func (result f64)))'),
  reaching(
    'files',
    'write files',
    '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
  ),
  reaching(
    'environment',
    'read the environment',
    '(import "wasi_snapshot_preview1" "environ_get" (func (param i32 i32) (result i32)))',
  ),
  reaching(
    'sockets',
    'open sockets',
    '(import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))',
  ),
  reaching('eval', 'run JavaScript', '(import "env" "eval" (func (param i32) (result i32)))'),
  reaching('database', 'query the database', '(import "tasker" "sql" (func (param i32 i32) (result i32)))'),
  reaching('prototype', 'find what every object has', '(import "tasker" "__proto__" (func))'),
  reaching(
    'constructor',
    'find the constructor of the imports',
    '(import "tasker" "constructor" (func (param externref) (result externref)))',
  ),
  reaching('memory', 'share a memory of the host', '(import "host" "memory" (memory 1))'),
  reaching('table', 'share a table of the host', '(import "tasker" "table" (table 1 funcref))'),
  reaching('counter', 'get hold of the fuel counter', '(import "metering" "fuel" (global (mut i64)))'),
  reaching(
    'signature',
    'call the host with other types than it expects',
    '(import "tasker" "input_len" (func (param i64) (result i64)))',
  ),
  reaching(
    'js-string',
    'use what engines build in',
    '(import "wasm:js-string" "length" (func (param externref) (result i32)))',
  ),
  exporting('prototype', 'put something on the prototype of its exports', '(func (export "__proto__"))'),
  exporting(
    'then',
    'look like a promise',
    '(func (export "then") (param i32 i32) (result i32) (i32.const 0))',
  ),
  exporting(
    'counter',
    'bring a fuel counter of its own',
    '(global (export "metering:fuel") (mut i64) (i64.const 9000000000000000))',
  ),
  exporting(
    'loader',
    'make a loader write to host objects',
    '(func (export "constructor#get:isAdmin") (result i32) (i32.const 1))',
  ),
  plainReaching('seed', 'draw randomness beside env.abort', '(import "env" "seed" (func (result f64)))'),
  plainReaching(
    'host-call',
    'call the host from plain AssemblyScript, which has no calls',
    '(import "tasker" "get_time" (func (result f64)))',
  ),
  plainReaching('math', 'use the Math of the host', '(import "Math" "random" (func (result f64)))'),
];
