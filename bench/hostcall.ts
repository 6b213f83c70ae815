// What a host call costs: served beside the guest (by subtraction: many calls in one invocation against none), and from a
// lane to the broker and back, with one in flight. HTTP goes over loopback to a server in a process of its own, against
// undici alone, one request at a time and 32 at a time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import { createHandlerCache } from '../src/host/cache/handler-cache.ts';
import { createHttpClient } from '../src/host/egress/http-client.ts';
import type { HostServices } from '../src/host/host-call.ts';
import type { GrantInput } from '../src/model/grant.ts';
import { DEFAULT_LIMITS } from '../src/model/limits.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { guest, type ImportName, text } from '../test/guests/wat.ts';
import { inThread } from './in-thread.ts';
import { measure, report, type Subject } from './measure.ts';

const short = process.argv.includes('--short');
const encoder = new TextEncoder();
const CALLS = 1000;
/** Fuel and counts of no interest here. */
const limits = {
  ...DEFAULT_LIMITS,
  fuel: Number.MAX_SAFE_INTEGER,
  log_lines: 1_000_000,
  log_bytes: 1_000_000_000,
  host_calls: 1_000_000_000,
  wall_ms: 1_000_000,
};
const message = text(1024, 'm'.repeat(64));

/** A guest that makes `count` calls and writes its output. */
function looping(imports: readonly ImportName[], call: string, count: number, fields = ''): Uint8Array {
  return guest({
    imports: [...imports, 'output_write'],
    fields,
    body: `(local $left i32)
      (local.set $left (i32.const ${count + 1}))
      (block $end (loop $again
        (br_if $end (i32.eqz (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        ${call}
        (br $again)))
      (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
  });
}

/** One invocation in this thread, with the lane's own code. */
function beside(bytes: Uint8Array): Subject {
  const run = inThread(bytes, { limits, timeMs: 1_800_000_000_000, logLevel: 0 });
  const document = encoder.encode('{}');
  return (times) => {
    for (let n = 0; n < times; n += 1) run(document, document);
  };
}

const getTime = '(drop (call $get_time))';
const log = `(call $log (i32.const 1) ${message.args})`;
const subjects = {
  get_time: beside(looping(['get_time'], getTime, CALLS)),
  get_time_again: beside(looping(['get_time'], getTime, CALLS)),
  get_time_none: beside(looping(['get_time'], getTime, 0)),
  log: beside(looping(['log'], log, CALLS, message.field)),
  log_none: beside(looping(['log'], log, 0, message.field)),
} satisfies Record<string, Subject>;
const cost = await measure(subjects, short ? { rounds: 7, sliceMs: 5 } : { rounds: 41, sliceMs: 20 });
const perCallNs = (name: 'get_time' | 'log') =>
  ((cost[name].medianUs - cost[`${name}_none`].medianUs) * 1000) / CALLS;

const ROUNDS = short ? 5 : 21;
const CALLS_A_ROUND = short ? 256 : 512;
const server = await startServer();
const url = `http://127.0.0.1:${server.port}/`;
const frame = frameOf(url);
/** The smallest call that leaves the lane: charged, authorised, audited, and answered from memory. */
const looking = looping(
  ['cache_get', 'result_read'],
  '(drop (call $cache_get (i32.const 512) (i32.const 3)))',
  CALLS_A_ROUND,
  '(data (i32.const 512) "key")',
);
const asking = looping(
  ['http_request'],
  `(drop (call $http_request ${frame.args}))`,
  CALLS_A_ROUND,
  frame.field,
);
/** As many invocations as the client has connections to one place, which share the calls of a round. */
const AT_A_TIME = 32;
const askingLess = looping(
  ['http_request'],
  `(drop (call $http_request ${frame.args}))`,
  CALLS_A_ROUND / AT_A_TIME,
  frame.field,
);
const stub = lane({
  exchange: async () => ({ kind: 'response', status: 200, headers: [], body: encoder.encode('hello') }),
  close: async () => {},
});
const real = lane(createHttpClient());
const echo = new Worker(
  `const { parentPort } = require('node:worker_threads');
  parentPort.on('message', (message) => parentPort.postMessage(message));`,
  { eval: true },
);
const pool = new Pool(new URL(url).origin, { connections: 1 });
const busyPool = new Pool(new URL(url).origin, { connections: AT_A_TIME });
/** undici as it is, in place of our client: what is left is the way through lane and boundary. */
const bare = lane({
  exchange: async () => {
    const { statusCode: status, body } = await pool.request({ path: '/', method: 'GET' });
    return { kind: 'response', status, headers: [], body: await body.bytes() };
  },
  close: async () => {},
});
const timed = {
  port: () => pingPong(),
  broker: () => stub.run(looking),
  broker_again: () => stub.run(looking),
  http_stub: () => stub.run(asking),
  http: () => real.run(asking),
  http_busy: () => Promise.all(Array.from({ length: AT_A_TIME }, () => real.run(askingLess))),
  http_bare: () => bare.run(asking),
  undici: () => askWithUndici(pool, CALLS_A_ROUND),
  fetch: () => askWithFetch(CALLS_A_ROUND),
  undici_busy: () =>
    Promise.all(Array.from({ length: AT_A_TIME }, () => askWithUndici(busyPool, CALLS_A_ROUND / AT_A_TIME))),
};
const calls = await timeCalls(timed);
await Promise.all([stub, real, bare, pool, busyPool].map((each) => each.close()));
await echo.terminate();
server.stop();

for (const [name, { elapsedUs, cpuUs }] of Object.entries(calls)) {
  console.log(
    `${name.padEnd(14)} ${elapsedUs.toFixed(1).padStart(8)} µs elapsed ${cpuUs.toFixed(1).padStart(8)} µs of CPU`,
  );
}
report(
  'hostcall',
  {
    get_time_ns: perCallNs('get_time'),
    log_ns: perCallNs('log'),
    broker_us: calls.broker.elapsedUs,
    broker_cpu_us: calls.broker.cpuUs,
    http_stub_us: calls.http_stub.elapsedUs,
    http_ratio: calls.http.elapsedUs / calls.undici.elapsedUs,
    http_vs_fetch: calls.http.elapsedUs / calls.fetch.elapsedUs,
    http_busy_ratio: calls.http_busy.elapsedUs / calls.undici_busy.elapsedUs,
    http_us: calls.http.elapsedUs,
    undici_us: calls.undici.elapsedUs,
    http_vs_bare_client: calls.http.elapsedUs / calls.http_bare.elapsedUs,
    port_us: calls.port.elapsedUs,
    null_run: cost.get_time_again.medianUs / cost.get_time.medianUs,
    null_broker: calls.broker_again.elapsedUs / calls.broker.elapsedUs,
  },
  {
    get_time_ns: ['<=', 150],
    log_ns: ['<=', 400],
    broker_us: ['<=', 40],
    http_ratio: ['<=', 1.3],
  },
);

async function askWithUndici(client: Pool, calls: number): Promise<void> {
  for (let n = 0; n < calls; n += 1) {
    const { statusCode, body } = await client.request({ path: '/', method: 'GET' });
    if (statusCode !== 200 || (await body.bytes()).byteLength !== 5) throw new Error('request failed');
  }
}

/** What a worker without a sandbox would use. */
async function askWithFetch(calls: number): Promise<void> {
  for (let n = 0; n < calls; n += 1) {
    const response = await fetch(url);
    if (!response.ok || (await response.bytes()).byteLength !== 5) throw new Error('request failed');
  }
}

/** The least that a call to another thread and back costs: a message of a host call's shape over a port. */
async function pingPong(): Promise<void> {
  for (let n = 0; n < CALLS_A_ROUND; n += 1) {
    const answered = new Promise((resolve) => echo.once('message', resolve));
    echo.postMessage([{ type: 'call', slot: 0, wireNumber: 1, payload: new Uint8Array(80) }]);
    await answered;
  }
}

/** A sandbox with one lane; one invocation makes all calls of a round. */
function lane(http: HostServices['http']) {
  const cache = createHandlerCache({ maxBytes: 1_000_000, maxHandlers: 10 });
  const sandbox = createSandbox({ limits, host: { http, secrets: { get: async () => null }, cache } });
  const grants: GrantInput[] = [
    {
      capability: 'http',
      schemes: ['http'],
      hosts: ['127.0.0.1'],
      ports: ['*'],
      methods: ['GET'],
      private_networks: ['127.0.0.0/8'],
    },
    { capability: 'cache', ttl_ms: 1000, value_bytes: 100 },
  ];
  const admitted = new Map<Uint8Array, ReturnType<typeof sandbox.admit>>();
  return {
    async run(bytes: Uint8Array): Promise<void> {
      const artifact = admitted.get(bytes) ?? sandbox.admit(bytes);
      admitted.set(bytes, artifact);
      const outcome = await sandbox.execute(await artifact, { input: '{}', grants });
      const failed = outcome.receipt.host_calls.find(({ code }) => code !== null);
      if (outcome.kind !== 'completed' || failed !== undefined) throw new Error(failed?.code ?? outcome.kind);
    },
    close: () => sandbox.close(),
  };
}

/**
 * Medians over rounds for one call: elapsed time, and CPU time of this process (all its threads). The subjects take turns.
 */
async function timeCalls<Name extends string>(
  runs: Readonly<Record<Name, () => Promise<unknown>>>,
): Promise<Readonly<Record<Name, { readonly elapsedUs: number; readonly cpuUs: number }>>> {
  const names = Object.keys(runs) as Name[];
  const samples = names.map((name) => ({ name, elapsed: [] as number[], cpu: [] as number[] }));
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const { name, elapsed, cpu } of samples) {
      const before = process.cpuUsage();
      const startedMs = performance.now();
      await runs[name]();
      const us = (performance.now() - startedMs) * 1000;
      const { user, system } = process.cpuUsage(before);
      if (round < 0) continue;
      elapsed.push(us / CALLS_A_ROUND);
      cpu.push((user + system) / CALLS_A_ROUND);
    }
  }
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
  return Object.fromEntries(
    samples.map(({ name, elapsed, cpu }) => [name, { elapsedUs: median(elapsed), cpuUs: median(cpu) }]),
  ) as Record<Name, { elapsedUs: number; cpuUs: number }>;
}

function frameOf(target: string): ReturnType<typeof text> {
  const head = Buffer.from(JSON.stringify({ method: 'GET', url: target }));
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(head.byteLength);
  return text(1024, Buffer.concat([prefix, head]).toString('latin1'));
}

async function startServer(): Promise<{ readonly port: number; stop(): void }> {
  const program = `require('node:http').createServer((_, response) => response.end('hello'))
    .listen(0, '127.0.0.1', function () { process.stdout.write(String(this.address().port)); })`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { port: Number(port.toString()), stop: () => void child.kill() };
}
