import { DEFAULT_DEPTH, meter } from '../../../src/metering/index.ts';

export type Argument = number | bigint;

/** How a call ended. `error` is the engine's message. */
export interface Run {
  readonly results: readonly unknown[] | undefined;
  readonly error: string | undefined;
  /** Fuel left; below zero when it ran out. */
  readonly left: bigint;
  readonly used: bigint;
  readonly depthLeft: number;
  readonly exports: WebAssembly.Exports;
}

type CompiledImports = WebAssembly.Imports | ((exports: () => WebAssembly.Exports) => WebAssembly.Imports);

/** A metered module, compiled once; every call of the result runs in a fresh instance, its start function first. */
export function metered(
  bytes: Uint8Array,
  imports: CompiledImports = {},
): (name: string, fuel: bigint | number, ...args: Argument[]) => Run {
  const output = meter(bytes);
  const module = new WebAssembly.Module(output.bytes);
  return (name, fuel, ...args) => {
    const instance = new WebAssembly.Instance(
      module,
      typeof imports === 'function' ? imports(() => instance.exports) : imports,
    );
    const { exports } = instance;
    const fuelGlobal = exports[output.fuelExport] as WebAssembly.Global<'i64'>;
    const depthGlobal = exports[output.depthExport] as WebAssembly.Global<'i32'>;
    fuelGlobal.value = BigInt(fuel);
    depthGlobal.value = DEFAULT_DEPTH;
    const started = output.startExport === undefined ? undefined : call(exports, output.startExport, []);
    const outcome = started?.error === undefined ? call(exports, name, args) : started;
    const left = fuelGlobal.value;
    return { ...outcome, left, used: BigInt(fuel) - left, depthLeft: depthGlobal.value, exports };
  };
}

/** Calls an export and catches what it throws. */
export function call(
  exports: WebAssembly.Exports,
  name: string,
  args: readonly Argument[],
): { results: unknown[] | undefined; error: string | undefined } {
  try {
    const result: unknown = (exports[name] as (...args: Argument[]) => unknown)(...args);
    if (Array.isArray(result)) return { results: result, error: undefined };
    return { results: result === undefined ? [] : [result], error: undefined };
  } catch (error) {
    return { results: undefined, error: error instanceof Error ? error.message : String(error) };
  }
}

/** The bytes of an exported memory. */
export function memoryOf(exports: WebAssembly.Exports): Uint8Array {
  return new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
}
