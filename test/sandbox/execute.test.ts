import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { ECHO, ENDLESS, guest, text, wat } from '../guests/wat.ts';

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = createSandbox({ lanes: 1 });
});
afterAll(() => sandbox.close());

const run = async (module: Uint8Array, options: Partial<Parameters<Sandbox['execute']>[1]> = {}) =>
  sandbox.execute(await sandbox.admit(module), { input: '{}', ...options });

describe('an invocation', () => {
  it('gets its input and yields its output, with usage and receipt', async () => {
    const outcome = await run(ECHO, { input: '{"answer":42}' });
    expect(outcome).toMatchObject({ kind: 'completed', output: '{"answer":42}' });
    expect(outcome.usage).toMatchObject({ peakMemoryBytes: 65536, hostCalls: 0, fuelExact: true });
    expect(outcome.usage.fuel).toBeGreaterThan(10);
    expect(outcome.receipt).toMatchObject({
      abi: 'tasker-core/1',
      outcome: 'completed',
      fuel: outcome.usage.fuel,
    });
    expect(outcome.receipt.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('uses the same fuel every time', async () => {
    const artifact = await sandbox.admit(ECHO);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => sandbox.execute(artifact, { input: '[1,2]' })),
    );
    expect(new Set(outcomes.map((outcome) => outcome.usage.fuel)).size).toBe(1);
  });

  it('gets its configuration beside the input', async () => {
    const module = guest({
      imports: ['config_len', 'config_read', 'output_write'],
      body: `(call $config_read (i32.const 8)) (call $output_write (i32.const 8) (call $config_len)) (i32.const 0)`,
    });
    expect(await run(module, { config: { each: true } })).toMatchObject({ output: '{"each":true}' });
  });

  it('fails when the handler says so, with its own code and message', async () => {
    const failure = { code: 'no_stock', message: 'none left', retryable: true, retry_after_ms: 1500 };
    const { field, args } = text(16, JSON.stringify(failure));
    const module = guest({ imports: ['fail'], fields: field, body: `(call $fail ${args}) (i32.const 0)` });
    expect(await run(module)).toMatchObject({
      kind: 'failed',
      code: 'no_stock',
      message: 'none left',
      retryable: true,
      retryAfterMs: 1500,
    });
  });

  it('fails when it returns something else than 0', async () => {
    expect(await run(guest({ body: '(i32.const 7)' }))).toMatchObject({
      kind: 'failed',
      code: 'ERR_GUEST_RETURN',
      message: 'the handler returned 7; 0 means success',
    });
  });

  it('fails when it writes no output', async () => {
    expect(await run(guest({ body: '(i32.const 0)' }))).toMatchObject({
      kind: 'failed',
      code: 'ERR_OUTPUT_MISSING',
    });
  });

  it('traps with its wasm frames and without frames of the host', async () => {
    const outcome = await run(
      guest({ fields: '(func $inner (unreachable))', body: '(call $inner) (i32.const 0)' }),
    );
    expect(outcome).toMatchObject({
      kind: 'trapped',
      code: 'ERR_GUEST_TRAP',
      message: expect.stringMatching(/^trap: unreachable at wasm-function\[0\]:0x[0-9a-f]+$/),
      stack: [/^wasm-function\[0\]:/, /^wasm-function\[1\]:/].map((frame) => expect.stringMatching(frame)),
    });
    expect(JSON.stringify(outcome)).not.toContain('src/sandbox');
  });

  it('aborted by AssemblyScript says what and where', async () => {
    const utf16 = (at: number, message: string) => {
      const units = [...message].map((char) => `\\${char.charCodeAt(0).toString(16)}\\00`).join('');
      return `(data (i32.const ${at}) "\\${(message.length * 2).toString(16).padStart(2, '0')}\\00\\00\\00${units}")`;
    };
    const module = wat(`(module (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
      (memory (export "memory") 1) ${utf16(16, 'oops')} ${utf16(64, 'a.ts')}
      (func (export "tk_handle") (result i32)
        (call $abort (i32.const 20) (i32.const 68) (i32.const 3) (i32.const 7)) (unreachable)))`);
    expect(await run(module)).toMatchObject({
      kind: 'trapped',
      code: 'ERR_GUEST_ABORT',
      message: 'oops at a.ts:3:7',
    });
  });

  it('runs its start function under fuel, every time', async () => {
    const counter = guest({
      imports: ['output_write'],
      fields: `(global $n (mut i32) (i32.const 48))
        (func $start (global.set $n (i32.add (global.get $n) (i32.const 1))))
        (start $start)`,
      body: `(i32.store8 (i32.const 4) (global.get $n)) (call $output_write (i32.const 4) (i32.const 1)) (i32.const 0)`,
    });
    const artifact = await sandbox.admit(counter);
    for (let round = 0; round < 3; round += 1) {
      expect(await sandbox.execute(artifact, { input: '{}' })).toMatchObject({
        kind: 'completed',
        output: '1',
      });
    }
  });

  it('sees a time that stands still, with the grant', async () => {
    const module = guest({
      imports: ['get_time', 'output_write'],
      body: `(f64.store (i32.const 8) (call $get_time))
        (if (f64.ne (f64.load (i32.const 8)) (call $get_time)) (then (unreachable)))
        (if (f64.ne (f64.load (i32.const 8)) (f64.const 1234.5)) (then (unreachable)))
        (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
    });
    expect(await run(module, { grants: [{ capability: 'time' }], timeMs: 1234.5 })).toMatchObject({
      kind: 'completed',
    });
  });

  it('may log, with the grant, and its lines arrive in order', async () => {
    const module = guest({
      imports: ['log', 'output_write'],
      fields: '(data (i32.const 16) "firstsecond")',
      body: `(call $log (i32.const 1) (i32.const 16) (i32.const 5)) (call $log (i32.const 3) (i32.const 21) (i32.const 6))
        (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
    });
    const lines: string[] = [];
    const outcome = await run(module, {
      grants: [{ capability: 'log' }],
      onLog: (level, message) => lines.push(`${level} ${message}`),
    });
    expect(lines).toEqual(['info first', 'error second']);
    expect(outcome.usage.logLines).toBe(2);
  });
});

describe('what the caller gets wrong', () => {
  it.each(['thread', 'process'] as const)(
    'a listener that throws rejects its own call alone (%s)',
    async (tier) => {
      const lost: string[] = [];
      const own = createSandbox({ tier, onLaneLost: (_, reason) => lost.push(reason) });
      const logging = await own.admit(
        guest({
          imports: ['log', 'output_write'],
          fields: '(data (i32.const 0) "1")',
          body: `(call $log (i32.const 1) (i32.const 0) (i32.const 1))
          (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
        }),
      );
      const call = { input: '{}', grants: [{ capability: 'log' }] } as const;
      const onLog = () => {
        throw new Error('a fault of the caller');
      };
      const [faulty, other] = await Promise.allSettled([
        own.execute(logging, { ...call, onLog }),
        own.execute(logging, call),
      ]);
      expect(faulty).toMatchObject({ reason: { message: 'a fault of the caller' } });
      expect(other).toMatchObject({ value: { kind: 'completed' } });
      expect(own.status).toMatchObject({ pending: 0, memoryCommittedBytes: 0 });
      await own.close();
      expect(lost).toEqual([]);
    },
  );

  it('an input that is not JSON is refused before anything runs', async () => {
    await expect(run(ECHO, { input: '{"a":' })).rejects.toMatchObject({
      code: 'ERR_INPUT_INVALID',
      message: 'input: expected one JSON document',
    });
  });

  it('an input over the limit is refused with the limit and its setting', async () => {
    const input = JSON.stringify('x'.repeat(2000));
    await expect(run(ECHO, { input, limits: { input_bytes: 1000 } })).rejects.toMatchObject({
      code: 'ERR_INPUT_TOO_LARGE',
      message: 'input of 2002 bytes; limits.input_bytes allows 1000',
    });
  });

  it('a capability without its grant is refused with the lines that would give it', async () => {
    const module = guest({ imports: ['log'] });
    await expect(run(module)).rejects.toMatchObject({
      code: 'ERR_GRANT_MISSING',
      message: expect.stringContaining('capability = "log"'),
    });
  });

  it('limits that are no limits are refused', async () => {
    await expect(run(ECHO, { limits: { fuel: 0 } })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
  });
});

describe('a step that never ends', () => {
  it('is exhausted, leaves its worker alive, and the next step on that worker is right', async () => {
    const endless = await sandbox.admit(ENDLESS);
    const echo = await sandbox.admit(ECHO);
    const lost: string[] = [];
    const one = createSandbox({ lanes: 1, inFlightPerLane: 1, onLaneLost: (_, reason) => lost.push(reason) });
    try {
      const outcome = await one.execute(endless, { input: '{}', limits: { fuel: 1_000_000 } });
      expect(outcome).toMatchObject({
        kind: 'exhausted',
        code: 'ERR_LIMIT_FUEL',
        limit: 'fuel',
        allowed: 1_000_000,
        setting: 'limits.fuel',
      });
      expect(await one.execute(echo, { input: '"after"' })).toMatchObject({
        kind: 'completed',
        output: '"after"',
      });
      expect(lost).toEqual([]);
    } finally {
      await one.close();
    }
  });

  it('also ends when fuel is plenty: by wall time, with its thread replaced', async () => {
    const lost: string[] = [];
    const one = createSandbox({
      lanes: 1,
      limits: { fuel: 1e15, wall_ms: 100 },
      onLaneLost: (_, reason) => lost.push(reason),
    });
    try {
      const outcome = await one.execute(await one.admit(ENDLESS), { input: '{}' });
      expect(outcome).toMatchObject({
        kind: 'exhausted',
        code: 'ERR_LIMIT_WALL_TIME',
        setting: 'limits.wall_ms',
      });
      expect(lost).toHaveLength(1);
      expect(await one.execute(await one.admit(ECHO), { input: '"after"' })).toMatchObject({
        output: '"after"',
      });
    } finally {
      await one.close();
    }
  });
});
