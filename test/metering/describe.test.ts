import { expect, it } from 'vitest';
import { describeModule } from '../../src/metering/index.ts';
import { wat } from './support/compile.ts';

it('describes imports and exports with exact types, memories, tables, start, sizes and custom sections', () => {
  const bytes = wat(`(module
    (import "tasker" "log" (func (param i32 i64 f32 f64) (result i32)))
    (import "env" "v" (func (param v128 funcref externref) (result i32 i64)))
    (import "env" "g" (global (mut i64)))
    (import "env" "t" (table 3 funcref))
    (memory (export "memory") 2 5)
    (global (export "own") f64 (f64.const 1))
    (data (i32.const 0) "hello") (elem (i32.const 0) func $f $f)
    (func $f (export "run") (param f32) (result v128) (v128.const i64x2 0 0))
    (func $start) (start $start))`);
  expect(describeModule(bytes)).toMatchObject({
    imports: [
      {
        module: 'tasker',
        name: 'log',
        kind: 'function',
        params: ['i32', 'i64', 'f32', 'f64'],
        results: ['i32'],
      },
      {
        module: 'env',
        name: 'v',
        kind: 'function',
        params: ['v128', 'funcref', 'externref'],
        results: ['i32', 'i64'],
      },
      { module: 'env', name: 'g', kind: 'global', type: 'i64', mutable: true },
      { module: 'env', name: 't', kind: 'table', element: 'funcref', minElements: 3 },
    ],
    exports: [
      { name: 'memory', kind: 'memory', minPages: 2, maxPages: 5 },
      { name: 'own', kind: 'global', type: 'f64', mutable: false },
      { name: 'run', kind: 'function', params: ['f32'], results: ['v128'] },
    ],
    memories: [{ minPages: 2, maxPages: 5 }],
    tables: [{ element: 'funcref', minElements: 3 }],
    start: 3,
    customSections: ['name'],
    sizes: {
      moduleBytes: bytes.length,
      dataBytes: 5,
      functions: 2,
      globals: 1,
      dataSegments: 1,
      elementSegments: 1,
      elementItems: 2,
    },
  });
});
