import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../src/host/egress/http-client.ts';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts';
import { caller, callGrant, type HeldServer, startHeldServer } from '../../guests/calls.ts';
import { BOMB_LIMITS, HEAP_BOMB, LOG_GRANT } from '../../guests/heap-bomb.ts';
import { ECHO, ENDLESS } from '../../guests/wat.ts';

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

function sandboxWith(options: SandboxOptions = {}): Sandbox {
  const host = { http: createHttpClient(), secrets: { get: async () => null } };
  const sandbox = createSandbox({ lanes: 1, host, ...options });
  open.push(sandbox);
  return sandbox;
}

describe('when a lane is lost', () => {
  it('what was on it is run again, and a call that was under way is awaited and not made again', async () => {
    const lost: string[] = [];
    const sandbox = sandboxWith({ onLaneLost: (_, reason) => lost.push(reason) });
    const artifact = await sandbox.admit(caller(server.port, 2));
    const grants = [callGrant(server.port)];
    const running = [1, 2, 3].map(() => sandbox.execute(artifact, { input: '{}', grants }));
    await server.until(3);
    expect(sandbox.killLane('thread', 'for the test')).toBe(true);
    server.release();
    for (const outcome of await Promise.all(running)) {
      expect(outcome).toMatchObject({ kind: 'completed', output: '2' });
      expect(outcome.usage.hostCalls).toBe(2);
      expect(outcome.receipt.host_calls).toHaveLength(2);
    }
    expect(server.arrived).toBe(6);
    expect(lost).toEqual(['for the test']);
  });

  it('a guest that does not yield is the only one to pay for it', async () => {
    const sandbox = sandboxWith({ limits: { fuel: Number.MAX_SAFE_INTEGER } });
    const waiting = sandbox.execute(await sandbox.admit(caller(server.port, 1)), {
      input: '{}',
      grants: [callGrant(server.port)],
    });
    await server.until(1);
    const endless = sandbox.execute(await sandbox.admit(ENDLESS), { input: '{}', limits: { wall_ms: 100 } });
    const behind = sandbox.execute(await sandbox.admit(ECHO), { input: '"behind"' });
    expect(await endless).toMatchObject({ kind: 'exhausted', code: 'ERR_LIMIT_WALL_TIME' });
    server.release();
    expect(await waiting).toMatchObject({ kind: 'completed', output: '1' });
    expect(await behind).toMatchObject({ kind: 'completed', output: '"behind"' });
    expect(server.arrived).toBe(1);
  });

  it('time for which a guest could go on but its lane was busy is not its wall time', async () => {
    const sandbox = sandboxWith({ limits: { fuel: Number.MAX_SAFE_INTEGER } });
    const grants = [callGrant(server.port)];
    const [artifact, endless] = await Promise.all(
      [caller(server.port, 1), ENDLESS].map((bytes) => sandbox.admit(bytes)),
    );
    if (artifact === undefined || endless === undefined) throw new Error('expected two artifacts');
    const waiting = sandbox.execute(artifact, { input: '{}', grants, limits: { wall_ms: 3_000 } });
    await server.until(1);
    const busy = sandbox.execute(endless, { input: '{}', limits: { wall_ms: 5_000 } });
    server.release();
    expect(await waiting).toMatchObject({ kind: 'completed', output: '1' });
    expect(await busy).toMatchObject({ kind: 'exhausted', limit: 'wall_ms' });
  });
});

it('a listener that throws costs no lane', async () => {
  const script = fileURLToPath(new URL('./throwing-listeners.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  expect(stdout.split('\n')).toEqual(['ready', 'lost', 'ready', 'completed', '']);
});

describe('an invocation that brings down its lane', () => {
  const options: SandboxOptions = { laneHeapMb: 16, inFlightPerLane: 8, limits: BOMB_LIMITS };

  it('is run alone, convicted, and takes nobody with it', async () => {
    const sandbox = sandboxWith(options);
    const bomb = await sandbox.admit(HEAP_BOMB);
    const echo = await sandbox.admit(ECHO);
    const outcomes = await Promise.all([
      sandbox.execute(echo, { input: '1' }),
      sandbox.execute(bomb, { input: '{}', grants: [LOG_GRANT] }),
      sandbox.execute(echo, { input: '2' }),
      sandbox.execute(bomb, { input: '"spare"', grants: [LOG_GRANT] }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['completed', 'trapped', 'completed', 'completed']);
    expect(outcomes[1]).toMatchObject({ code: 'ERR_LANE_CRASHED' });
    expect(sandbox.status.quarantined).toEqual([]);
    // The same input is known now; another is not its business.
    expect(await sandbox.execute(bomb, { input: '{}', grants: [LOG_GRANT] })).toMatchObject({
      code: 'ERR_LANE_CRASHED',
    });
  });

  it('puts its module into quarantine with the third input, and a release lets it run again', async () => {
    const told: string[] = [];
    const sandbox = sandboxWith({ ...options, onQuarantined: (digest) => told.push(digest) });
    const bomb = await sandbox.admit(HEAP_BOMB);
    const echo = await sandbox.admit(ECHO);
    for (const input of ['1', '2', '3']) {
      await sandbox.execute(bomb, { input, grants: [LOG_GRANT] });
      // One that ends well lets the next replacement come without delay.
      await sandbox.execute(echo, { input });
    }
    expect(told).toEqual([bomb.digest]);
    expect(sandbox.status.quarantined).toEqual([bomb.digest]);
    expect(await sandbox.execute(bomb, { input: '"spare"', grants: [LOG_GRANT] })).toMatchObject({
      kind: 'failed',
      code: 'ERR_HANDLER_QUARANTINED',
      retryable: true,
    });
    expect(sandbox.release(bomb.digest)).toBe(true);
    expect(await sandbox.execute(bomb, { input: '"spare"', grants: [LOG_GRANT] })).toMatchObject({
      kind: 'completed',
    });
  });
});
