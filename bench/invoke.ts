// What one invocation costs in its own thread: fresh state, metered and bounded, against the bare call on a kept
// instance, and against plain JavaScript. UTF-8 in and out is part of every subject. Dispatch is another benchmark.
import { readFileSync } from 'node:fs';
import { ensureBuilt } from '../src/catalog/compile.ts';
import { BUILTIN_FOLDER } from '../src/catalog/load.ts';
import { ECHO, guest } from '../test/guests/wat.ts';
import { ECHO_FRESH } from './guests.ts';
import { inThread } from './in-thread.ts';
import { type Cost, measure, report, type Subject } from './measure.ts';

const short = process.argv.includes('--short');
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const TRANSFORM = `${BUILTIN_FOLDER}/transform`;
await ensureBuilt([TRANSFORM]);
const transformWasm = readFileSync(`${TRANSFORM}/handler.wasm`);

/** Grows its memory by 1 MB and clears it in its start function, as language runtimes do; echoes through that heap. */
const heap = (fill: string) =>
  guest({
    imports: ['input_len', 'input_read', 'output_write'],
    pages: '4 64',
    fields: `(func $start (drop (memory.grow (i32.const 16)))
      (memory.fill (i32.const 262144) (i32.const ${fill}) (i32.const 1048576))) (start $start)`,
    body: `(call $input_read (i32.const 524288))
      (call $output_write (i32.const 524288) (call $input_len)) (i32.const 0)`,
  });

const text1k = JSON.stringify({ payload: 'x'.repeat(1010) });
const orders = Array.from({ length: 14 }, (_, n) => ({
  id: `order-${n}`,
  customer: { name: `Customer ${n}`, city: 'Zürich' },
  total: n * 12.5,
  note: n % 3 === 0 ? null : 'leave at the door',
}));
const text1k5 = JSON.stringify(orders);
const mapping = { id: '$.id', name: '$.customer.name', city: '$.customer.city', total: '$.total' };
const transformConfig = JSON.stringify({ each: true, mapping });

const subjects = {
  echo_sandboxed: sandboxed(ECHO, text1k, '{}'),
  echo_sandboxed_again: sandboxed(ECHO, text1k, '{}'),
  echo_fresh: sandboxed(ECHO_FRESH, text1k, '{}'),
  echo_bare: bare(ECHO, text1k, '{}'),
  echo_js: (times: number) => {
    for (let n = 0; n < times; n += 1)
      if (decoder.decode(encoder.encode(text1k)) !== text1k) throw new Error('echo');
  },
  heap_sandboxed: sandboxed(heap('0'), text1k, '{}'),
  heap_bare: bare(heap('0'), text1k, '{}'),
  heap_of_data_sandboxed: sandboxed(heap('1'), text1k, '{}'),
  transform_sandboxed: sandboxed(transformWasm, text1k5, transformConfig),
  transform_bare: bare(transformWasm, text1k5, transformConfig),
  transform_js: (times: number) => {
    for (let n = 0; n < times; n += 1) plainTransform(encoder.encode(text1k5));
  },
} satisfies Record<string, Subject>;

const cost = await measure(subjects, short ? { rounds: 7, sliceMs: 5 } : { rounds: 41, sliceMs: 20 });
for (const [name, { medianUs, lowUs, highUs }] of Object.entries<Cost>(cost)) {
  console.log(
    `${name.padEnd(22)} ${medianUs.toFixed(2).padStart(9)} µs   middle half ${lowUs.toFixed(2)}–${highUs.toFixed(2)}`,
  );
}
const ratio = (a: keyof typeof cost, b: keyof typeof cost) => cost[a].medianUs / cost[b].medianUs;
report(
  'invoke',
  {
    // The harder way to fresh state decides: a fresh instance, which not every handler needs.
    echo_vs_bare: ratio('echo_fresh', 'echo_bare'),
    echo_restored_vs_bare: ratio('echo_sandboxed', 'echo_bare'),
    echo_vs_js: ratio('echo_sandboxed', 'echo_js'),
    heap_vs_bare: ratio('heap_sandboxed', 'heap_bare'),
    heap_of_data_vs_bare: ratio('heap_of_data_sandboxed', 'heap_bare'),
    transform_vs_bare: ratio('transform_sandboxed', 'transform_bare'),
    transform_vs_js: ratio('transform_sandboxed', 'transform_js'),
    echo_us: cost.echo_fresh.medianUs,
    echo_restored_us: cost.echo_sandboxed.medianUs,
    transform_us: cost.transform_sandboxed.medianUs,
    null_run: ratio('echo_sandboxed_again', 'echo_sandboxed'),
  },
  { echo_vs_bare: ['<=', 10], heap_vs_bare: ['<=', 15] },
);

function sandboxed(bytes: Uint8Array, input: string, config: string): Subject {
  const invoke = inThread(bytes);
  return (times) => {
    for (let n = 0; n < times; n += 1) invoke(encoder.encode(input), encoder.encode(config));
  };
}

/**
 * The same module as published, unmetered, on one kept instance with the least host that can serve it. Handlers with a
 * heap that is never freed get a new instance when it has grown to 64 pages.
 */
function bare(bytes: Uint8Array<ArrayBufferLike>, input: string, config: string): Subject {
  const module = new WebAssembly.Module(bytes.slice());
  let memory: WebAssembly.Memory;
  let entry: () => number;
  let inputBytes = encoder.encode(input);
  let configBytes = encoder.encode(config);
  let output = '';
  const write = (at: number, from: Uint8Array) => new Uint8Array(memory.buffer).set(from, at);
  const imports = {
    tasker: {
      input_len: () => inputBytes.length,
      input_read: (at: number) => write(at, inputBytes),
      config_len: () => configBytes.length,
      config_read: (at: number) => write(at, configBytes),
      output_write: (at: number, length: number) => {
        output = decoder.decode(new Uint8Array(memory.buffer, at, length));
      },
      fail: () => {
        throw new Error('handler failed');
      },
    },
    env: { abort: () => {} },
  };
  const instantiate = () => {
    const { exports } = new WebAssembly.Instance(module, imports);
    memory = exports['memory'] as WebAssembly.Memory;
    entry = exports['tk_handle'] as () => number;
  };
  instantiate();
  return (times) => {
    for (let n = 0; n < times; n += 1) {
      inputBytes = encoder.encode(input);
      configBytes = encoder.encode(config);
      if (entry() !== 0 || output.length === 0) throw new Error('call failed');
      if (memory.buffer.byteLength > 64 * 65536) instantiate();
    }
  };
}

function plainTransform(bytes: Uint8Array): string {
  const data = JSON.parse(decoder.decode(bytes)) as typeof orders;
  const mapped = data.map(({ id, customer, total }) => ({
    id,
    name: customer.name,
    city: customer.city,
    total,
  }));
  return decoder.decode(encoder.encode(JSON.stringify(mapped)));
}
