import { describe, expect, it } from 'vitest';
import {
  exportMutableGlobals,
  globalExport,
  hasNumericGlobals,
  importMemory,
  meter,
  RESTORE_EXPORT,
  withImage,
} from '../../src/metering/index.ts';
import { wat } from '../guests/wat.ts';

const SOURCE = `(module (memory (export "memory") 2)
  (global $a (mut i32) (i32.const -70000)) (global $b (mut i64) (i64.const -9223372036854775808))
  (global $c (mut f32) (f32.const -0.0)) (global $k i32 (i32.const 1)) (global $d (mut f64) (f64.const 1e300))
  (data (i32.const 5) "five") (data (i32.const 131069) "end"))`;
const prepared = (source: string) =>
  meter(importMemory(wat(source), { module: 'host', name: 'memory' })).bytes;
const globalsOf = ({ exports }: WebAssembly.Instance) =>
  [0, 1, 2, 3].map((n) => (exports[globalExport(n)] as WebAssembly.Global).value);

describe('an image', () => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const probe = new WebAssembly.Instance(new WebAssembly.Module(exportMutableGlobals(prepared(SOURCE))), {
    host: { memory },
  });
  const image = {
    memory: new Uint8Array(memory.buffer.slice(0)),
    globals: [...globalsOf(probe), 7n, 8],
  };

  it('starts a new instance with its globals, and puts memory and globals back', () => {
    const built = withImage(exportMutableGlobals(prepared(SOURCE)), image, { maxBytes: 1000 });
    const used = new WebAssembly.Memory({ initial: 2 });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(built?.bytes ?? new Uint8Array()), {
      host: { memory: used },
    });
    expect(globalsOf(instance)).toEqual(globalsOf(probe));
    new Uint8Array(used.buffer).fill(0xab);
    (instance.exports[globalExport(0)] as WebAssembly.Global).value = 3;
    (instance.exports[globalExport(1)] as WebAssembly.Global).value = 3n;
    (instance.exports[RESTORE_EXPORT] as () => void)();
    expect(Buffer.from(used.buffer).equals(Buffer.from(image.memory))).toBe(true);
    expect(globalsOf(instance)).toEqual([-70000, -9223372036854775808n, -0, 1e300]);
  });

  it('is not built in when it has too much data, or a NaN', () => {
    expect(withImage(prepared(SOURCE), image, { maxBytes: 4 })).toBeNull();
    const globals = image.globals.with(3, Number.NaN);
    expect(withImage(prepared(SOURCE), { ...image, globals }, { maxBytes: 1000 })).toBeNull();
  });

  it('needs numbers in all mutable globals', () => {
    expect(hasNumericGlobals(prepared(SOURCE))).toBe(true);
    expect(hasNumericGlobals(prepared('(module (memory 1) (global (mut funcref) (ref.null func)))'))).toBe(
      false,
    );
    expect(hasNumericGlobals(prepared('(module (memory 1) (global funcref (ref.null func)))'))).toBe(true);
  });
});
