import { DEFAULT_METER_LIMITS, type Metered, meter } from '../../../src/metering/index.ts';

/** What metered modules used, while the engine meters whatever it compiles. */
export interface EngineReport {
  modules: number;
  bytes: number;
  meteredBytes: number;
  fuel(): bigint;
}

const FUEL = 1n << 60n;

/** Compilers' output, not guests: large functions are common, and depth is the engine's business. */
const LIMITS = {
  ...DEFAULT_METER_LIMITS,
  moduleBytes: 64 * 1024 * 1024,
  functionBodyBytes: 8 * 1024 * 1024,
  memoryMinPages: 65_536,
  dataBytes: 64 * 1024 * 1024,
  globals: 100_000,
  dataSegments: 100_000,
  nesting: 65_000,
};

/**
 * Makes `WebAssembly` meter every module that is compiled from now on, sets fuel and depth for every instance and calls
 * its start function: libraries notice nothing.
 */
export function meterEverything(): EngineReport {
  const { Module, Instance } = WebAssembly;
  const known = new WeakMap<WebAssembly.Module, Metered>();
  const counters: WebAssembly.Global<'i64'>[] = [];
  const report: EngineReport = {
    modules: 0,
    bytes: 0,
    meteredBytes: 0,
    fuel: () => counters.reduce((used, { value }) => used + FUEL - value, 0n),
  };
  const compile = (source: BufferSource): WebAssembly.Module => {
    const bytes = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    const metered = meter(bytes, { limits: LIMITS });
    const module = new Module(metered.bytes);
    known.set(module, metered);
    report.modules++;
    report.bytes += bytes.length;
    report.meteredBytes += metered.bytes.length;
    return module;
  };
  const instantiate = (module: WebAssembly.Module, imports?: WebAssembly.Imports): WebAssembly.Instance => {
    const instance = new Instance(module, imports);
    const metered = known.get(module);
    if (metered === undefined) return instance;
    const fuel = instance.exports[metered.fuelExport] as WebAssembly.Global<'i64'>;
    fuel.value = FUEL;
    counters.push(fuel);
    if (metered.startExport !== undefined) (instance.exports[metered.startExport] as () => void)();
    return instance;
  };
  const replaced = {
    Module: new Proxy(Module, { construct: (_, [source]) => compile(source as BufferSource) }),
    Instance: new Proxy(Instance, {
      construct: (_, [module, imports]) =>
        instantiate(module as WebAssembly.Module, imports as WebAssembly.Imports | undefined),
    }),
    compile: async (source: BufferSource) => compile(source),
    instantiate: async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
      if (source instanceof Module) return instantiate(source, imports);
      const module = compile(source);
      return { module, instance: instantiate(module, imports) };
    },
    instantiateStreaming: async (source: Response | Promise<Response>, imports?: WebAssembly.Imports) => {
      const module = compile(await (await source).arrayBuffer());
      return { module, instance: instantiate(module, imports) };
    },
  };
  Object.assign(WebAssembly, replaced);
  return report;
}
