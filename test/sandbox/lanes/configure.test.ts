import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../src/host/egress/http-client.ts';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts';
import { caller, callGrant, type HeldServer, startHeldServer } from '../../guests/calls.ts';
import { ECHO, ENDLESS, guest } from '../../guests/wat.ts';

let server: HeldServer;
const open: Sandbox[] = [];
beforeEach(async () => {
  server = await startHeldServer();
});
afterEach(async () => {
  server.release();
  await Promise.all(open.splice(0).map((sandbox) => sandbox.close()));
  await server.close();
});

function sandboxWith(options: SandboxOptions): Sandbox {
  const sandbox = createSandbox({
    host: { http: createHttpClient(), secrets: { get: async () => null } },
    ...options,
  });
  open.push(sandbox);
  return sandbox;
}

/** Starts `count` invocations that wait for the server. */
async function waiting(sandbox: Sandbox, count: number, bytes = caller(server.port, 1)) {
  const artifact = await sandbox.admit(bytes);
  const grants = [callGrant(server.port)];
  return Array.from({ length: count }, () => sandbox.execute(artifact, { input: '{}', grants }));
}

describe('settings that change while invocations run', () => {
  it('more in flight lets in those that wait at once', async () => {
    const sandbox = sandboxWith({ lanes: 1, inFlightPerLane: 1 });
    const running = await waiting(sandbox, 4);
    await server.until(1);
    sandbox.configure({ inFlightPerLane: 4 });
    await server.until(4);
    server.release();
    expect((await Promise.all(running)).map(({ kind }) => kind)).toEqual(Array(4).fill('completed'));
  });

  it('more lanes take over what one lane cannot', async () => {
    const sandbox = sandboxWith({ lanes: 1, inFlightPerLane: 1 });
    const running = await waiting(sandbox, 3);
    await server.until(1);
    sandbox.configure({ lanes: 3 });
    await server.until(3);
    expect(sandbox.status).toMatchObject({ lanes: 3, lanesReady: 3, pending: 3 });
    server.release();
    await Promise.all(running);
  });

  it('fewer lanes finish what they have: nothing is lost and nothing runs twice', async () => {
    const lost: number[] = [];
    const sandbox = sandboxWith({ lanes: 3, inFlightPerLane: 2, onLaneLost: (lane) => lost.push(lane) });
    const running = await waiting(sandbox, 6);
    await server.until(6);
    sandbox.configure({ lanes: 1, inFlightPerLane: 1 });
    const later = await waiting(sandbox, 2);
    expect(sandbox.capacity).toBe(1);
    server.release();
    for (const outcome of await Promise.all([...running, ...later])) {
      expect(outcome).toMatchObject({ kind: 'completed', output: '1' });
    }
    await expect.poll(() => sandbox.status.lanesReady).toBe(1);
    expect(server.arrived).toBe(8);
    expect(lost).toEqual([]);
  });

  it('limits apply to invocations that come after', async () => {
    const sandbox = sandboxWith({ lanes: 1 });
    const artifact = await sandbox.admit(ENDLESS);
    sandbox.configure({ limits: { fuel: 12_345 } });
    expect(await sandbox.execute(artifact, { input: '{}' })).toMatchObject({
      limit: 'fuel',
      allowed: 12_345,
    });
    expect(sandbox.limits.fuel).toBe(12_345);
  });

  it('values that cannot be are refused and change nothing', () => {
    const sandbox = sandboxWith({ lanes: 2 });
    expect(() => sandbox.configure({ lanes: 0, queueDepth: 3 })).toThrow(/ERR_CONFIG_INVALID|lanes/);
    expect(() => sandbox.configure({ lanes: 3, limits: { fuel: -1 } })).toThrow(/fuel/);
    expect(sandbox.status).toMatchObject({ lanes: 2, queueDepth: 0 });
  });
});

describe('the memory budget', () => {
  const MB = 1024 * 1024;

  it('lets as many guests run as it has room for; the others wait and none fails', async () => {
    const sandbox = sandboxWith({ lanes: 1, inFlightPerLane: 64, memoryBudgetBytes: MB });
    const running = await waiting(sandbox, 24);
    await server.until(16);
    expect(sandbox.status).toMatchObject({ memoryCommittedBytes: MB, pending: 24 });
    // No room, so nobody should claim more.
    expect(sandbox.capacity).toBe(24);
    sandbox.configure({ memoryBudgetBytes: 2 * MB });
    await server.until(24);
    server.release();
    for (const outcome of await Promise.all(running)) expect(outcome.kind).toBe('completed');
    expect(sandbox.status.memoryCommittedBytes).toBe(0);
  });

  it('counts a module with what it used before, not with what it declares', async () => {
    const sandbox = sandboxWith({ lanes: 1, memoryBudgetBytes: 2 * MB });
    const grower = await sandbox.admit(
      guest({
        imports: ['output_write'],
        pages: '1 64',
        body: `(drop (memory.grow (i32.const 31))) (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
      }),
    );
    await sandbox.execute(grower, { input: '{}' });
    const [first] = await waiting(sandbox, 1);
    await server.until(1);
    const grown = sandbox.execute(grower, { input: '{}' });
    expect(sandbox.status).toMatchObject({ memoryCommittedBytes: 65_536, pending: 2 });
    server.release();
    expect((await grown).kind).toBe('completed');
    expect((await first)?.kind).toBe('completed');
  });

  it('always lets one guest run, however small it is', async () => {
    const sandbox = sandboxWith({ lanes: 1, memoryBudgetBytes: 1 });
    const echo = await sandbox.admit(ECHO);
    const outcomes = await Promise.all(['1', '2', '3'].map((input) => sandbox.execute(echo, { input })));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['completed', 'completed', 'completed']);
  });
});
