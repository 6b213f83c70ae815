import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../src/host/egress/http-client.ts';
import { childFlags } from '../../../src/sandbox/lanes/process-link.ts';
import { createSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { caller, callGrant, type HeldServer, startHeldServer } from '../../guests/calls.ts';
import { ECHO, ENDLESS, guest, text } from '../../guests/wat.ts';

let sandbox: Sandbox;
let server: HeldServer;
const lost: string[] = [];
beforeAll(async () => {
  server = await startHeldServer();
  sandbox = createSandbox({
    tier: 'process',
    host: { http: createHttpClient(), secrets: { get: async () => null } },
    limits: { fuel: Number.MAX_SAFE_INTEGER },
    onLaneLost: (_, reason) => lost.push(reason),
  });
});
afterAll(async () => {
  server.release();
  await sandbox.close();
  await server.close();
});

const run = async (module: Uint8Array, options: Partial<Parameters<Sandbox['execute']>[1]> = {}) =>
  sandbox.execute(await sandbox.admit(module), { input: '{}', ...options });

/** Processes that this one started to run guests. */
function children(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(
      (pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sandbox/process/child'),
    )
    .map(Number);
}

describe('the process tier', () => {
  it('gives the same outcome as a thread, and its receipt says that usage is reported', async () => {
    const threads = createSandbox({});
    try {
      const here = await threads.execute(await threads.admit(ECHO), { input: '{"a":1}' });
      const there = await run(ECHO, { input: '{"a":1}' });
      expect(there).toMatchObject({ kind: 'completed', output: '{"a":1}' });
      expect(there.usage.fuel).toBe(here.usage.fuel);
      expect(here.receipt).toMatchObject({ tier: 'thread', usage: 'measured' });
      expect(there.receipt).toMatchObject({ tier: 'process', usage: 'reported' });
    } finally {
      await threads.close();
    }
  });

  it('matches regular expressions, though it cannot read the engine any more', async () => {
    const { field, args } = text(100, '"matched"');
    const module = guest({
      imports: ['regex_match', 'output_write'],
      fields: `(data (i32.const 16) "\\01\\00\\00\\00aa") ${field}`,
      body: `(if (call $regex_match (i32.const 16) (i32.const 6)) (then (unreachable)))
        (call $output_write ${args}) (i32.const 0)`,
    });
    expect(await run(module)).toMatchObject({ kind: 'completed', output: '"matched"' });
  });

  it('takes large documents through its socket', async () => {
    const input = JSON.stringify('x'.repeat(1_500_000));
    const outcome = await run(ECHO, { input });
    expect(outcome.kind === 'completed' && outcome.output === input).toBe(true);
  });

  it('is one process for each module', async () => {
    const before = children().length;
    await run(guest({ fields: '(global i32 (i32.const 77))' }));
    expect(children()).toHaveLength(before + 1);
  });

  it('has no environment, and as root another user and group for each process', async () => {
    await run(ECHO, { input: '1' });
    for (const pid of children()) {
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    }
    if (process.getuid?.() !== 0) return;
    const ids = children().map(
      (pid) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
    );
    expect(ids).not.toContain('0');
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('serves host calls by the grants of the broker, and feeds a replaced process the answers that are there', async () => {
    const grants = [callGrant(server.port)];
    const running = run(caller(server.port, 2), { grants });
    await server.until(1);
    sandbox.killLane('process', 'for the test');
    server.release();
    expect(await running).toMatchObject({ kind: 'completed', output: '2' });
    expect(server.arrived).toBe(2);
    expect(lost).toEqual(['for the test']);
  });

  it('ends a guest that does not yield', async () => {
    expect(await run(ENDLESS, { limits: { wall_ms: 100 } })).toMatchObject({
      kind: 'exhausted',
      code: 'ERR_LIMIT_WALL_TIME',
    });
    expect(await run(ECHO, { input: '2' })).toMatchObject({ output: '2' });
  });

  it('is recycled after so many invocations, without losing one', async () => {
    const own = createSandbox({ tier: 'process', recycleAfter: 5 });
    try {
      const echo = await own.admit(ECHO);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) => own.execute(echo, { input: String(n) })),
      );
      expect(outcomes.map((outcome) => outcome.kind === 'completed' && Number(outcome.output))).toEqual(
        Array.from({ length: 20 }, (_, n) => n),
      );
    } finally {
      await own.close();
    }
  });

  it('lets modules wait for a process when there are too many, and ends with its sandbox', async () => {
    const before = children().length;
    const own = createSandbox({
      tier: (handler) => (handler === 'here' ? 'thread' : 'process'),
      processes: 1,
    });
    const modules = [1, 2, 3].map((n) => guest({ fields: `(global i32 (i32.const ${n}))` }));
    const artifacts = await Promise.all(modules.map((bytes) => own.admit(bytes)));
    const outcomes = await Promise.all(
      artifacts.flatMap((artifact) => [1, 2].map(() => own.execute(artifact, { input: '{}' }))),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(6).fill('completed'));
    const [artifact] = artifacts;
    if (artifact === undefined) throw new Error('expected an artifact');
    expect((await own.execute(artifact, { input: '{}', handler: 'here' })).receipt.tier).toBe('thread');
    await own.close();
    expect(children()).toHaveLength(before);
  });
});

describe('a thread in a process of guests', () => {
  const drop = new URL('../../../src/sandbox/process/drop-permissions.ts', import.meta.url).href;
  const inChild = async (script: string) => {
    const source = `const { dropPermissions } = await import(${JSON.stringify(drop)});
      const { Worker } = await import('node:worker_threads');
      const { readFileSync } = await import('node:fs');
      const attempt = (what) => { try { what(); return 'allowed'; } catch (error) { return error.code; } };
      ${script}`;
    const args = [...childFlags(), '--input-type=module', '-e', source];
    return (await promisify(execFile)(process.execPath, args, { env: {} })).stdout.trim();
  };
  const worker = `attempt(() => new Worker('0', { eval: true, execArgv: [] }).terminate())`;

  it('cannot start a thread without the permission model, which it could before it gave that up', async () => {
    expect(await inChild(`console.log(${worker}); dropPermissions(); console.log(${worker});`)).toBe(
      'allowed\nERR_ACCESS_DENIED',
    );
  });

  it('cannot read even the code that it runs', async () => {
    const read = `attempt(() => readFileSync(new URL(${JSON.stringify(drop)})))`;
    expect(await inChild(`console.log(${read}); dropPermissions(); console.log(${read});`)).toBe(
      'allowed\nERR_ACCESS_DENIED',
    );
  });

  it('cannot read other files, the network or the disk from the start', async () => {
    const secret = `attempt(() => readFileSync('/etc/passwd'))`;
    const child = `attempt(() => process.getBuiltinModule('node:child_process').spawnSync('true'))`;
    expect(await inChild(`console.log(${secret}, ${child});`)).toBe('ERR_ACCESS_DENIED ERR_ACCESS_DENIED');
  });
});
