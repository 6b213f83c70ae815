import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpResponse } from '../../src/host/egress/http-response.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { ECHO, ENDLESS, guest, text } from '../guests/wat.ts';

let sandbox: Sandbox;
const lost: string[] = [];
beforeAll(() => {
  sandbox = createSandbox({
    lanes: 1,
    limits: { fuel: 50_000_000 },
    onLaneLost: (_, reason) => lost.push(reason),
  });
});
/** Whatever a guest did, its lane lives and the next guest on it is right. */
afterAll(async () => {
  const next = await sandbox.execute(await sandbox.admit(ECHO), { input: '"next"' });
  expect(next).toMatchObject({ kind: 'completed', output: '"next"' });
  expect(lost).toEqual([]);
  await sandbox.close();
});

const run = async (module: Uint8Array, options: Partial<Parameters<Sandbox['execute']>[1]> = {}) =>
  sandbox.execute(await sandbox.admit(module), { input: '{}', ...options });

describe('a guest that uses too much', () => {
  it('an endless loop runs out of fuel', async () => {
    expect(await run(ENDLESS)).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_FUEL',
      message: 'the handler ran out of fuel; limits.fuel allows 50000000',
    });
  });

  it('an endless loop in the start function runs out of fuel', async () => {
    const module = guest({ fields: '(func $start (loop $again (br $again))) (start $start)' });
    expect(await run(module)).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_FUEL',
      setting: 'limits.fuel',
    });
  });

  it('a memory bomb is stopped at the limit and says so', async () => {
    const module = guest({
      pages: '1',
      body: '(loop $more (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable))) (br $more)) (i32.const 0)',
    });
    const outcome = await run(module, { limits: { memory_pages: 100 } });
    expect(outcome).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_MEMORY',
      limit: 'memory_pages',
      allowed: 100,
      setting: 'limits.memory_pages',
    });
    expect(outcome.usage.peakMemoryBytes).toBeLessThanOrEqual(100 * 65536);
  });

  it('a memory that starts larger than the invocation may have is no lane’s fault', async () => {
    expect(await run(guest({ pages: '8' }), { limits: { memory_pages: 4 } })).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_MEMORY',
      used: 8,
      allowed: 4,
      setting: 'limits.memory_pages',
    });
  });

  it('growing memory costs fuel before it happens', async () => {
    const module = guest({ pages: '1', body: '(drop (memory.grow (i32.const 1000))) (i32.const 0)' });
    expect(await run(module, { limits: { fuel: 1_000_000 } })).toMatchObject({
      kind: 'exhausted',
      limit: 'fuel',
    });
  });

  it('deep recursion ends by call depth', async () => {
    const module = guest({
      fields: '(func $deeper (param i32) (result i32) (call $deeper (i32.add (local.get 0) (i32.const 1))))',
      body: '(call $deeper (i32.const 0))',
    });
    expect(await run(module)).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_DEPTH',
      limit: 'depth',
      setting: 'limits.depth',
    });
  });

  it('an output over the limit is refused with its size', async () => {
    const module = guest({
      imports: ['output_write'],
      body: '(call $output_write (i32.const 0) (i32.const 5000)) (i32.const 0)',
    });
    expect(await run(module, { limits: { output_bytes: 4096 } })).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_OUTPUT',
      message: 'output of 5000 bytes; limits.output_bytes allows 4096',
    });
  });

  it('a flood of log lines is stopped at the limit', async () => {
    const module = guest({
      imports: ['log'],
      body: '(loop $again (call $log (i32.const 1) (i32.const 0) (i32.const 1)) (br $again)) (i32.const 0)',
    });
    const outcome = await run(module, { grants: [{ capability: 'log' }], limits: { log_lines: 10 } });
    expect(outcome).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_LOG',
      limit: 'log_lines',
      allowed: 10,
    });
  });

  it('a flood of host calls is ended once it goes on after the refusal, and the receipt stays small', async () => {
    const grants = [LOCAL];
    const flood = await run(asking('(unreachable)', '(loop $again (drop CALL) (br $again))'), {
      grants,
      limits: { host_calls: 3 },
    });
    expect(flood).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_HOST_CALLS',
      limit: 'host_calls',
      allowed: 3,
      used: 5,
      setting: 'limits.host_calls',
    });
    expect(flood.receipt.host_calls).toHaveLength(4);
    expect(flood.receipt.host_calls[3]).toMatchObject({ code: 'ERR_LIMIT_HOST_CALLS', allowed: false });
    const polite = asking('(drop CALL) (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)');
    expect(await run(polite, { grants, limits: { host_calls: 1 } })).toMatchObject({ kind: 'completed' });
  });

  it('copying the input over and over costs fuel', async () => {
    const module = guest({
      imports: ['input_len', 'input_read'],
      pages: '32',
      body: '(loop $again (call $input_read (i32.const 0)) (br $again)) (i32.const 0)',
    });
    const input = JSON.stringify('x'.repeat(1_000_000));
    const outcome = await run(module, { input });
    expect(outcome).toMatchObject({ kind: 'exhausted', limit: 'fuel' });
    expect(outcome.usage.wallMs).toBeLessThan(5_000);
  });

  it('a guest that waits for a host call longer than its wall time is ended, and its neighbours on the lane are not', async () => {
    const neverAnswers = {
      http: {
        exchange: (_: unknown, signal: AbortSignal) =>
          new Promise<never>((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason)),
          ),
        close: async () => {},
      },
      secrets: { get: async () => null },
    };
    const own = createSandbox({ lanes: 1, host: neverAnswers, onLaneLost: (_, reason) => lost.push(reason) });
    try {
      const waiting = asking('(call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)');
      const grants = [LOCAL];
      const artifact = await own.admit(waiting);
      const slow = own.execute(artifact, { input: '{}', grants, limits: { wall_ms: 150 } });
      const neighbour = await own.execute(await own.admit(ECHO), { input: '"beside"' });
      expect(neighbour).toMatchObject({ kind: 'completed', output: '"beside"' });
      expect(await slow).toMatchObject({
        kind: 'exhausted',
        code: 'ERR_LIMIT_WALL_TIME',
        limit: 'wall_ms',
        allowed: 150,
      });
      expect(lost).toEqual([]);
    } finally {
      await own.close();
    }
  });

  it.each([
    ['alone', 1],
    ['together with another one', 2],
  ])(
    'a guest that never yields after a host call answered %s is the one that is ended for it',
    async (_, atOnce) => {
      const waiting: (() => void)[] = [];
      const exchange = () =>
        new Promise<HttpResponse>((resolve) => {
          waiting.push(() => resolve({ kind: 'response', status: 200, headers: [], body: new Uint8Array() }));
          if (waiting.length === atOnce) for (const answer of waiting) answer();
        });
      const own = createSandbox({
        lanes: 1,
        limits: { fuel: 1e15, wall_ms: 60_000 },
        host: { http: { exchange, close: async () => {} }, secrets: { get: async () => null } },
      });
      try {
        const endless = await own.admit(asking('(loop $again (br $again)) (i32.const 0)'));
        const polite = await own.admit(
          asking('(call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)'),
        );
        const grants = [LOCAL];
        const hanging = own.execute(endless, { input: '{}', grants, limits: { wall_ms: 300 } });
        const others = Array.from({ length: atOnce - 1 }, () => own.execute(polite, { input: '{}', grants }));
        expect(await hanging).toMatchObject({ kind: 'exhausted', code: 'ERR_LIMIT_WALL_TIME' });
        for (const other of await Promise.all(others)) {
          expect(['completed', 'aborted']).toContain(other.kind);
        }
      } finally {
        await own.close();
      }
    },
  );
});

const LOCAL = {
  capability: 'http' as const,
  schemes: ['http' as const],
  hosts: ['127.0.0.1'],
  ports: [9],
  methods: ['GET' as const],
  private_networks: ['127.0.0.1/32'],
};

/** A guest that sends one request, or what `first` says, and then does `rest`; CALL sends one more. */
function asking(rest: string, first = '(drop CALL)'): Uint8Array {
  const head = JSON.stringify({ method: 'GET', url: 'http://127.0.0.1:9/' });
  const frame = text(16, `${String.fromCharCode(head.length, 0, 0, 0)}${head}`);
  return guest({
    imports: ['http_request', 'output_write'],
    fields: frame.field,
    body: `${first} ${rest}`.replaceAll('CALL', `(call $http_request ${frame.args})`),
  });
}
