import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandlerCache } from '../../src/host/cache/handler-cache.ts';
import { createHttpClient } from '../../src/host/egress/http-client.ts';
import type { GrantInput } from '../../src/model/grant.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { Tape } from '../../src/sandbox/index.ts';
import { createSandbox, type ExecuteOptions, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { replay } from '../../src/sandbox/tape/replay.ts';
import { caller, callGrant } from '../guests/calls.ts';
import { answer, type ComponentParts, componentGuest } from '../guests/component.ts';
import { text } from '../guests/wat.ts';

let sandbox: Sandbox;
let server: Server;
let port: number;
/** Answers that are kept back until the test lets them go. */
const held: (() => void)[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    const reply = () => response.setHeader('x-by', 'test').end(`"${request.method} ${request.url}"`);
    if (request.url === '/held') held.push(reply);
    else reply();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  sandbox = createSandbox({
    lanes: 1,
    tier: (handler) => (handler === 'apart' ? 'process' : 'thread'),
    host: {
      http: createHttpClient(),
      cache: createHandlerCache({ maxBytes: 100_000, maxHandlers: 10 }),
      secrets: { get: async (name) => (name === 'token' ? 'open sesame' : null) },
    },
  });
});
afterAll(async () => {
  await sandbox.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

const run = async (parts: ComponentParts, options: Partial<ExecuteOptions> = {}): Promise<Outcome> =>
  sandbox.execute(await sandbox.admit(await componentGuest(parts)), { input: '"in"', ...options });

const bothTiers = ['here', 'apart'] as const;
const HEAD = (path: string) => JSON.stringify({ method: 'GET', url: `http://127.0.0.1:${port}${path}` });

/** Requests `path` and answers with the body, or with `failed`. */
const requester = (path: string): ComponentParts => {
  const head = text(100, HEAD(path));
  return {
    imports: ['request'],
    fields: head.field + text(300, '"failed"').field,
    handle: `(call $request ${head.args} (i32.const 0) (i32.const 0) (i32.const 400))
      (if (result i32) (i32.load8_u (i32.const 400))
        (then ${answer('(i32.const 300)', '(i32.const 8)')})
        (else ${answer('(i32.load (i32.const 412))', '(i32.load (i32.const 416))')}))`,
  };
};

describe.each(bothTiers)('a component, %s', (handler) => {
  it('gets its input and yields its output, with exact fuel and a receipt of its own ABI', async () => {
    const artifact = await sandbox.admit(await componentGuest({}));
    const input = '{"text":"grüße, 世界 😀"}';
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => sandbox.execute(artifact, { input, handler })),
    );
    expect(outcomes[0]).toMatchObject({
      kind: 'completed',
      output: input,
      usage: { fuelExact: true, peakMemoryBytes: 65_536 },
      receipt: {
        abi: 'tasker:catalog/handler@0.1.0',
        digest: artifact.digest,
        tier: handler === 'apart' ? 'process' : 'thread',
      },
    });
    expect(new Set(outcomes.map(({ usage }) => usage.fuel)).size).toBe(1);
  });

  it('reads its configuration and the facts about its step', async () => {
    const reads = (call: 'config' | 'facts') =>
      run(
        {
          imports: [call],
          handle: `(call $${call} (i32.const 8)) ${answer('(i32.load (i32.const 8))', '(i32.load (i32.const 12))')}`,
        },
        { handler, config: { each: true }, step: { step: 'load' } },
      );
    expect(await reads('config')).toMatchObject({ output: '{"each":true}' });
    expect(await reads('facts')).toMatchObject({ output: '{"step":"load"}' });
  });

  it('fails when it says so, with its own code and the earliest time for the next attempt', async () => {
    const code = text(100, 'no_stock');
    const message = text(200, 'none left');
    const store = (at: number, { args }: { readonly args: string }) => {
      const [start, length] = args.match(/\(i32\.const \d+\)/g) ?? [];
      return `(i32.store (i32.const ${at}) ${start}) (i32.store (i32.const ${at + 4}) ${length})`;
    };
    const outcome = await run(
      {
        fields: code.field + message.field,
        handle: `(i32.store8 (i32.const 16) (i32.const 1)) ${store(20, code)} ${store(28, message)}
          (i32.store8 (i32.const 36) (i32.const 1)) (i32.store8 (i32.const 40) (i32.const 1))
          (i32.store (i32.const 44) (i32.const 1500)) (i32.const 16)`,
      },
      { handler },
    );
    expect(outcome).toMatchObject({
      kind: 'failed',
      code: 'no_stock',
      message: 'none left',
      retryable: true,
      retryAfterMs: 1500,
    });
  });

  it('logs, tells the time and draws randomness where it was granted, and is not run where it was not', async () => {
    const message = text(100, 'hello');
    const parts: ComponentParts = {
      imports: ['log', 'now', 'bytes'],
      fields: message.field,
      handle: `(call $log (i32.const 2) ${message.args}) (call $bytes (i32.const 1) (i32.const 200))
        (i32.store8 (i32.const 50)
          (i32.add (i32.const 48) (f64.eq (call $now) (f64.const 1234))))
        ${answer('(i32.const 50)', '(i32.const 1)')}`,
    };
    const logs: string[] = [];
    const outcome = await run(parts, {
      handler,
      timeMs: 1234,
      grants: [{ capability: 'log' }, { capability: 'time' }, { capability: 'random' }],
      onLog: (level, line) => logs.push(`${level}: ${line}`),
    });
    expect(outcome).toMatchObject({ kind: 'completed', output: '1' });
    expect(logs).toEqual(['warn: hello']);
    await expect(run(parts, { handler, grants: [{ capability: 'log' }] })).rejects.toMatchObject({
      code: 'ERR_GRANT_MISSING',
    });
  });

  it('sends requests through the same boundary as a core module: same bytes, same record, same grants', async () => {
    const grants = [callGrant(port)];
    const outcome = await run(requester('/'), { handler, grants });
    expect(outcome).toMatchObject({ kind: 'completed', output: '"GET /"', usage: { hostCalls: 1 } });
    const core = await sandbox.execute(await sandbox.admit(caller(port, 1)), { input: '1', grants });
    const { atMs: _, ms: __, ...expected } = core.receipt.host_calls[0] ?? {};
    expect(outcome.receipt.host_calls[0]).toMatchObject({
      ...expected,
      responseSha256: expect.any(String),
      responseBytes: expect.any(Number),
    });
    const refused = await run(requester('/'), {
      handler,
      grants: [{ ...callGrant(port), ports: [1] } as GrantInput],
    });
    expect(refused).toMatchObject({
      kind: 'completed',
      output: '"failed"',
      receipt: { denials: 1, host_calls: [{ code: 'ERR_GRANT_MISSING', allowed: false }] },
    });
  });

  it('reads secrets and uses the cache where it was granted', async () => {
    const name = text(100, 'token');
    const secret = await run(
      {
        imports: ['read'],
        fields: name.field,
        // Its length only: what it reads must not be in the output.
        handle: `(call $read ${name.args} (i32.const 400))
          (i32.store8 (i32.const 50) (i32.add (i32.const 38) (i32.load (i32.const 408))))
          ${answer('(i32.const 50)', '(i32.const 1)')}`,
      },
      { handler, grants: [{ capability: 'secret_read', names: ['token'] }] },
    );
    expect(secret).toMatchObject({ kind: 'completed', output: '1' });
    const key = text(100, 'key');
    const value = text(200, '"kept"');
    const cached = await run(
      {
        imports: ['get', 'put'],
        fields: key.field + value.field,
        handle: `(call $put ${key.args} ${value.args} (i32.const 60000) (i32.const 400))
          (call $get ${key.args} (i32.const 440))
          ${answer('(i32.load (i32.const 448))', '(i32.load (i32.const 452))')}`,
      },
      { handler, grants: [{ capability: 'cache', ttl_ms: 60_000 }] },
    );
    expect(cached).toMatchObject({ kind: 'completed', output: '"kept"', usage: { hostCalls: 2 } });
  });

  it('asks to go on from a checkpoint, and to wait for a person', async () => {
    const checkpoint = text(100, '{"cursor":7,"items_processed":3}');
    expect(
      await run(
        {
          imports: ['checkpoint'],
          fields: checkpoint.field,
          handle: `(call $checkpoint ${checkpoint.args}) (unreachable)`,
        },
        { handler },
      ),
    ).toMatchObject({ kind: 'yielded', checkpoint: { cursor: 7, items_processed: 3 } });
    const wait = text(100, '{"reason":"refund","timeout_ms":1000}');
    expect(
      await run(
        { imports: ['wait'], fields: wait.field, handle: `(call $wait ${wait.args}) (unreachable)` },
        { handler, grants: [{ capability: 'wait', timeout_ms: 5000 }] },
      ),
    ).toMatchObject({ kind: 'waiting', wait: { reason: 'refund', timeout_ms: 1000 } });
  });

  it('can be replayed from its tape, without a request', async () => {
    const artifact = await sandbox.admit(await componentGuest(requester('/')));
    const tapes: Tape[] = [];
    const options = { input: '1', handler, grants: [callGrant(port)] };
    await sandbox.execute(artifact, { ...options, onTape: (tape) => tapes.push(tape) });
    expect(tapes[0]?.calls).toHaveLength(1);
    expect(await replay(sandbox, artifact, tapes[0] as Tape)).toEqual({ verdict: 'equal' });
  });

  it('waits beside others, and ends when it is broken off', async () => {
    const artifact = await sandbox.admit(await componentGuest(requester('/held')));
    const aborting = new AbortController();
    const options = { input: '1', handler, grants: [callGrant(port)] };
    const before = held.length;
    const broken = sandbox.execute(artifact, { ...options, signal: aborting.signal });
    const others = Array.from({ length: 10 }, () => sandbox.execute(artifact, options));
    await expect.poll(() => held.length).toBe(before + 11);
    aborting.abort();
    expect(await broken).toMatchObject({ kind: 'aborted', code: 'ERR_ABORTED' });
    for (const reply of held.splice(0)) reply();
    for (const outcome of await Promise.all(others)) expect(outcome).toMatchObject({ output: '"GET /held"' });
  });
});

describe('where components run', () => {
  it('is in processes, unless the caller says otherwise', async () => {
    const bytes = await componentGuest({});
    for (const [options, tier] of [
      [{}, 'process'],
      [{ tier: 'thread' }, 'thread'],
    ] as const) {
      const own = createSandbox({ lanes: 1, ...options });
      try {
        const outcome = await own.execute(await own.admit(bytes), { input: '1' });
        expect(outcome).toMatchObject({ kind: 'completed', receipt: { tier } });
      } finally {
        await own.close();
      }
    }
  });
});
