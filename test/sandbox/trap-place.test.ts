import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/catalog/artifact.ts';
import { buildHandler } from '../../src/catalog/compile.ts';
import { loadHandler } from '../../src/catalog/load.ts';
import type { Trapped } from '../../src/model/outcome.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { guest } from '../guests/wat.ts';
import { longSection } from '../metering/support/binary.ts';
import { instantiateBare } from '../support/bare-guest.ts';
import { wasmBroker } from '../support/wasm-broker.ts';

const MINUTE_MS = 60_000;
const PRINT_TRAPS = fileURLToPath(new URL('./print-traps.ts', import.meta.url));

const HANDLER = `import { half } from "./half";
import { Json } from "tasker-wasm-broker/assemblyscript";

@json class Row { n: i32; }

function far(n: i32): i32 {
  return load<i32>(n * 1000000000);
}

@handler("trapper")
function trapper(row: Row): Row {
  if (row.n == 7) {
    unreachable();
  }
  row.n = row.n < 3 ? half(row.n) : far(row.n);
  return row;
}
`;
const HALF = `export function half(n: i32): i32 {
  const whole = 100;
  return whole / n;
}
`;
const MANIFEST = { name: 'trapper', version: '1.0.0', abi: 'tasker-core/1', description: 'Traps.' };

/** The input that leads to each trap, and what is said of it. */
const TRAPS = [
  [7, 'trap: unreachable', 'handler.ts:13:5'],
  [3, 'trap: memory access out of bounds', 'handler.ts:7:10'],
  [0, 'trap: divide by zero', 'half.ts:3:10'],
] as const;

let sandbox: Sandbox;
let folder: string;
let artifact: Artifact;
let map: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trapper-'));
  await writeFile(join(folder, 'handler.ts'), HANDLER);
  await writeFile(join(folder, 'half.ts'), HALF);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(MANIFEST));
  await buildHandler(folder);
  map = await readFile(join(folder, 'handler.wasm.map'), 'utf8');
  sandbox = createSandbox({ lanes: 1 });
  artifact = (await loadHandler(folder, sandbox.admit)).artifact;
});
afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true });
});

async function trap(trapping: Artifact, n: number, runner = sandbox): Promise<Trapped> {
  const outcome = await runner.execute(trapping, { input: { n } });
  if (outcome.kind !== 'trapped') throw new Error(`expected a trap, got ${JSON.stringify(outcome)}`);
  return outcome;
}

/** What is said of the first trap with another source map beside the module. */
async function messageWithMap(text: string): Promise<string> {
  await writeFile(join(folder, 'handler.wasm.map'), text);
  try {
    return (await trap((await loadHandler(folder, sandbox.admit)).artifact, 7)).message;
  } finally {
    await writeFile(join(folder, 'handler.wasm.map'), map);
  }
}

/** Where the engine itself says that the published module traps. */
async function plainOffset(n: number): Promise<string> {
  const module = new WebAssembly.Module(await readFile(join(folder, 'handler.wasm')));
  try {
    instantiateBare(module, { input: `{"n":${n}}` });
  } catch (error) {
    return (
      /wasm-function\[\d+\]:0x[0-9a-f]+/.exec(((error as Error).cause as Error).stack ?? '')?.[0] ??
      'no frame'
    );
  }
  throw new Error('expected a trap');
}

describe('a trap of a compiled handler', () => {
  it.each(TRAPS)('is shown as file, line and column of its source: %i', async (n, message, place) => {
    // Every time: a new instance, and one that was put back.
    for (const image of [artifact.image, null]) {
      const outcome = await trap({ ...artifact, image }, n);
      expect(outcome.message).toBe(`${message} at ${place} (in handler/tk_handle)`);
      expect(outcome.stack).toEqual([`handler/tk_handle (${place})`]);
    }
  });

  it.each(TRAPS)(
    'is shown by function and byte of the published module without a map: %i',
    async (n, message) => {
      const bare = { ...artifact, places: { ...artifact.places, sourceMap: null } };
      const place = await plainOffset(n);
      for (const image of [artifact.image, null]) {
        const outcome = await trap({ ...bare, image }, n);
        expect(outcome.message).toBe(`${message} at ${place} (in handler/tk_handle)`);
      }
    },
  );

  it('is shown the same in every tier of the compiler', { timeout: 4 * MINUTE_MS }, async () => {
    const inputs = TRAPS.map(([n]) => `{"n":${n}}`);
    const expected = TRAPS.map(([, message, place]) => `${message} at ${place} (in handler/tk_handle)\n`);
    for (const flag of ['--liftoff-only', '--no-liftoff']) {
      const { stdout } = await promisify(execFile)(process.execPath, [flag, PRINT_TRAPS, folder, ...inputs]);
      expect(stdout).toBe(expected.join(''));
    }
  });

  it('is shown with its stack by the command line', async () => {
    const [[n, message, place]] = TRAPS;
    const input = join(folder, 'input.json');
    await writeFile(input, `{"n":${n}}`);
    const { code, stdout } = await wasmBroker(['run', folder, '--input', input]);
    const [head] = stdout.split('\n\n');
    expect(head).toBe(
      `trapped ERR_GUEST_TRAP: ${message} at ${place} (in handler/tk_handle)\n  at handler/tk_handle (${place})`,
    );
    expect(code).toBe(1);
  });

  it('is shown the same from a process of its own', async () => {
    const apart = createSandbox({ tier: 'process' });
    try {
      const [[n, message, place]] = TRAPS;
      expect((await trap(artifact, n, apart)).message).toBe(`${message} at ${place} (in handler/tk_handle)`);
    } finally {
      await apart.close();
    }
  });

  it.each([
    ['is no map', '{"version":3}'],
    ['is no JSON', 'map'],
    ['has no end', `{"version":3,"sources":["a"],"names":[],"mappings":"${'g'.repeat(1000)}"}`],
    ['is too large', `{"version":3,"sources":["a"],"names":[],"mappings":"${'AAAA,'.repeat(300_000)}"}`],
  ])('is shown by its byte where the map %s', async (_, text) => {
    expect(await messageWithMap(text)).toMatch(
      /^trap: unreachable at (wasm-function\[\d+\]:0x[0-9a-f]+|a:1:1) \(in /,
    );
  });

  it('is not looked up in a map that is not the one which the module was loaded with', async () => {
    await writeFile(join(folder, 'handler.wasm.map'), `${map}\n`);
    const { artifact: loaded } = await loadHandler(folder, sandbox.admit);
    await writeFile(join(folder, 'handler.wasm.map'), map);
    expect((await trap(loaded, 7)).message).toContain(await plainOffset(7));
  });

  it('shows no more than a line of what a map calls a file', async () => {
    const names = JSON.stringify([`\u001b[2J\u202e\n${'x'.repeat(10_000)}`]);
    const hostile = `{"version":3,"sources":${names},"names":[],"mappings":"AAAA"}`;
    expect(await messageWithMap(hostile)).toBe(
      `trap: unreachable at ?[2J??${'x'.repeat(114)}… (in handler/tk_handle)`,
    );
  });
});

describe('a trap of a module with hostile names', () => {
  it('ends the step and nothing else, and shows a line of the name', async () => {
    const longName = (text: string): number[] => [...Buffer.from(text)];
    const leb = (value: number): number[] => [(value & 127) | 128, ((value >> 7) & 127) | 128, value >> 14];
    for (const name of [
      `\u202e${'n'.repeat(50_000)}`,
      'a\n    at wasm://wasm/1:wasm-function[9]:0x1)',
      ') (',
    ]) {
      const bytes = longName(name);
      // Subsection 1: names of functions; one, of function 0.
      const map = [1, 0, ...leb(bytes.length), ...bytes];
      const section = longSection(0, [4, ...longName('name'), 1, ...leb(map.length), ...map]);
      const module = Uint8Array.from([...guest({ body: '(unreachable)' }), ...section]);
      const { message, stack } = await trap(await sandbox.admit(module), 0);
      expect(message).toMatch(
        /^trap: unreachable at wasm-function\[\d\](:0x[0-9a-f]+)?( \(in .{1,121}\))?$/u,
      );
      for (const frame of stack) expect(frame.length).toBeLessThan(300);
      expect(message + stack.join('')).not.toMatch(/[\u202e\n]/);
    }
  });
});
