// What one invocation costs in its own thread: a fresh, metered, bounded instance against the bare call on a kept
// instance, and against plain JavaScript. UTF-8 in and out is part of every subject. Dispatch is another benchmark.
import { readFileSync } from 'node:fs';
import { admitArtifact } from '../src/catalog/admission.ts';
import { ensureBuilt } from '../src/catalog/compile.ts';
import { BUILTIN_FOLDER } from '../src/catalog/load.ts';
import { DEFAULT_LIMITS } from '../src/model/limits.ts';
import { startInvocation } from '../src/sandbox/worker/invocation.ts';
import { ECHO, guest } from '../test/guests/wat.ts';
import { type Cost, measure, moduleMessage, report, type Subject } from './measure.ts';

const short = process.argv.includes('--short');
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const TRANSFORM = `${BUILTIN_FOLDER}/transform`;
await ensureBuilt([TRANSFORM]);
const transformWasm = readFileSync(`${TRANSFORM}/handler.wasm`);

/** A guest whose start function fills 1 MB, as language runtimes do; then it echoes. */
const HEAP = guest({
  imports: ['input_len', 'input_read', 'output_write'],
  pages: '20',
  fields: `(func $start (memory.fill (i32.const 131072) (i32.const 1) (i32.const 1048576))) (start $start)`,
  body: '(call $input_read (i32.const 8)) (call $output_write (i32.const 8) (call $input_len)) (i32.const 0)',
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
  echo_bare: bare(ECHO, text1k, '{}'),
  echo_js: (times: number) => {
    for (let n = 0; n < times; n += 1)
      if (decoder.decode(encoder.encode(text1k)) !== text1k) throw new Error('echo');
  },
  heap_sandboxed: sandboxed(HEAP, text1k, '{}'),
  heap_bare: bare(HEAP, text1k, '{}'),
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
    echo_vs_bare: ratio('echo_sandboxed', 'echo_bare'),
    echo_vs_js: ratio('echo_sandboxed', 'echo_js'),
    heap_vs_bare: ratio('heap_sandboxed', 'heap_bare'),
    transform_vs_bare: ratio('transform_sandboxed', 'transform_bare'),
    transform_vs_js: ratio('transform_sandboxed', 'transform_js'),
    echo_us: cost.echo_sandboxed.medianUs,
    transform_us: cost.transform_sandboxed.medianUs,
    null_run: ratio('echo_sandboxed_again', 'echo_sandboxed'),
  },
  {},
);

/** The lane's own code, in this thread: fresh instance, counters, limits, imports by the ABI, output copied out. */
function sandboxed(bytes: Uint8Array, input: string, config: string): Subject {
  const module = moduleMessage(admitArtifact(bytes, null, DEFAULT_LIMITS));
  const mark = { enter: () => {}, leave: () => {} };
  const callBroker = () => Promise.resolve(null);
  return (times) => {
    for (let n = 0; n < times; n += 1) {
      const invoke = {
        type: 'invoke',
        slot: 0,
        digest: module.digest,
        input: encoder.encode(input),
        config: encoder.encode(config),
        step: encoder.encode('{}'),
        limits: DEFAULT_LIMITS,
        timeMs: null,
        seed: null,
        logLevel: null,
        mayWait: false,
      } as const;
      const { result } = startInvocation(module, invoke, callBroker, mark);
      if (result instanceof Promise || result.result.kind !== 'returned')
        throw new Error('invocation failed');
      decoder.decode(result.result.output);
    }
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
