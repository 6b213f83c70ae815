// What the sandbox costs a real handler: transform and validate of the catalog against plain JavaScript, bytes in and
// text out, in one thread, all costs of the sandbox included. The hop to a lane and back is printed apart.
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ensureBuilt } from '../src/catalog/compile.ts';
import { BUILTIN_FOLDER } from '../src/catalog/load.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { ECHO } from '../test/guests/wat.ts';
import { inThread } from './in-thread.ts';
import { type Cost, measure, report, type Subject, type Target } from './measure.ts';
import { compiledTransform, interpretedTransform } from './native/plain-transform.ts';

const short = process.argv.includes('--short');
const SIZES = { '1k5': 14, '9k': 86, '90k': 840 } as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const folders = ['transform', 'validate'].map((name) => `${BUILTIN_FOLDER}/${name}`);
await ensureBuilt(folders);
const [transform, validate] = folders.map((folder) => inThread(readFileSync(`${folder}/handler.wasm`)));

const orders = (count: number) =>
  JSON.stringify(
    Array.from({ length: count }, (_, n) => ({
      id: `order-${n}`,
      customer: { name: `Customer ${n}`, city: 'Zürich' },
      total: n * 12.5,
      note: n % 3 === 0 ? null : 'leave at the door',
    })),
  );
const mappingConfig = JSON.stringify({
  each: true,
  mapping: { id: '$.id', name: '$.customer.name', city: '$.customer.city', total: '$.total' },
});
const schema = {
  type: 'array',
  items: {
    type: 'object',
    required: ['id', 'customer', 'total'],
    additionalProperties: false,
    properties: {
      id: { type: 'string', minLength: 1, maxLength: 20 },
      customer: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, city: { type: 'string', maxLength: 40 } },
      },
      total: { type: 'number', minimum: 0 },
      note: { type: ['string', 'null'] },
    },
  },
};
const schemaConfig = JSON.stringify({ schema });
const isValid = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);

function plainValidate(document: string): string {
  const data: unknown = JSON.parse(document);
  const valid = isValid(data);
  return JSON.stringify({ valid, errors: isValid.errors ?? [], data });
}

const handlers = {
  transform: sandboxed(transform, mappingConfig),
  compiled: plain(compiledTransform(mappingConfig)),
  interpreted: plain(interpretedTransform(mappingConfig)),
  validate: sandboxed(validate, schemaConfig),
  ajv: plain(plainValidate),
};
type Handler = (input: Uint8Array) => string;

function sandboxed(run: ReturnType<typeof inThread> | undefined, config: string): Handler {
  if (run === undefined) throw new Error('the handler is not built');
  return (input) => run(input, encoder.encode(config));
}

function plain(run: (document: string) => string): Handler {
  return (input) => run(decoder.decode(input));
}

const subjects: Record<string, Subject> = {};
for (const [size, count] of Object.entries(SIZES)) {
  const input = encoder.encode(orders(count));
  const same = (a: Handler, b: Handler) => {
    if (JSON.stringify(JSON.parse(a(input))) !== JSON.stringify(JSON.parse(b(input))))
      throw new Error('results differ');
  };
  same(handlers.transform, handlers.compiled);
  same(handlers.transform, handlers.interpreted);
  same(handlers.validate, handlers.ajv);
  for (const [name, handler] of Object.entries(handlers)) {
    subjects[`${name}_${size}`] = (times) => {
      for (let n = 0; n < times; n += 1) handler(input);
    };
  }
}
const cost = await measure(subjects, short ? { rounds: 7, sliceMs: 10 } : { rounds: 31, sliceMs: 30 });
for (const [name, { medianUs, lowUs, highUs }] of Object.entries<Cost>(cost)) {
  console.log(
    `${name.padEnd(18)} ${medianUs.toFixed(1).padStart(8)} µs   middle half ${lowUs.toFixed(1)}–${highUs.toFixed(1)}`,
  );
}

/** Wall time of one invocation at a time through execute(), less what it takes in this thread. */
async function hopUs(): Promise<number> {
  const sandbox = createSandbox();
  const artifact = await sandbox.admit(ECHO);
  const input = JSON.stringify({ payload: 'x'.repeat(1010) });
  const echo = inThread(ECHO);
  const there: number[] = [];
  const here: number[] = [];
  for (let round = 0; round < (short ? 500 : 5000); round += 1) {
    const startedMs = performance.now();
    await sandbox.execute(artifact, { input });
    const endedMs = performance.now();
    echo(encoder.encode(input), encoder.encode('{}'));
    there.push(endedMs - startedMs);
    here.push(performance.now() - endedMs);
  }
  await sandbox.close();
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  return (median(there) - median(here)) * 1000;
}

const ratio = (a: string, b: string, size: string) =>
  (cost[`${a}_${size}`]?.medianUs ?? Number.NaN) / (cost[`${b}_${size}`]?.medianUs ?? Number.NaN);
const metrics: Record<string, number> = { hop_us: await hopUs() };
const targets: Record<string, Target> = {};
for (const size of Object.keys(SIZES)) {
  metrics[`transform_${size}`] = ratio('transform', 'compiled', size);
  metrics[`interpreted_${size}`] = ratio('transform', 'interpreted', size);
  metrics[`validate_${size}`] = ratio('validate', 'ajv', size);
  targets[`transform_${size}`] = ['<=', size === '1k5' ? 4 : 2];
  targets[`interpreted_${size}`] = ['<=', 2];
  targets[`validate_${size}`] = ['<=', 3];
}
report('native', metrics, targets);
