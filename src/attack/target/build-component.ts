import { WIT } from '../guests/component.ts';

/** Builds components, by the tools that jco has in it. */
export interface ComponentBuilder {
  /** A component of the world `handler` in `wit` around a core module. */
  around(core: Uint8Array, wit?: string): Promise<Uint8Array>;
  fromText(text: string): Promise<Uint8Array>;
}

/** Loads jco's tools, which are WebAssembly themselves and take their time. */
export async function loadComponentBuilder(): Promise<ComponentBuilder> {
  const { componentEmbed, componentNew, parse } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  return {
    async around(binary, witSource = WIT) {
      const world = { witSource, world: 'handler', stringEncoding: 'utf8' } as const;
      return new Uint8Array(await componentNew(await componentEmbed({ binary, ...world }), []));
    },
    fromText: async (text) => new Uint8Array(await parse(text)),
  };
}

/** Every text of `from` in the bytes replaced by another of the same length: what no tool would write. */
export function renamed(bytes: Uint8Array, from: string, to: string): Uint8Array {
  if (to.length !== from.length) throw new RangeError('expected a name of the same length');
  return Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(from, to), 'latin1');
}
