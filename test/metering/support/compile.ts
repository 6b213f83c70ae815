import asc from 'assemblyscript/asc';
import loadWabt from 'wabt';

const wabt = await loadWabt();

/** WAT → module bytes. Multi-value, bulk memory, reference types, SIMD and tail calls are on. */
export function wat(text: string): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat('test.wat', text, {
    tail_call: true,
  });
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}

/** AssemblyScript → module bytes, optimized as a handler would be. */
export async function assemblyScript(source: string, ...flags: string[]): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ['input.ts', '--outFile', 'output.wasm', '-O2', '--runtime', 'stub', ...flags],
    {
      readFile: (name: string) => (name === 'input.ts' ? source : null),
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || binary === undefined) throw new Error(`asc failed: ${error?.message}\n${stderr.toString()}`);
  return new Uint8Array(binary);
}
