import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setInterval } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Admission } from '../../../src/catalog/admission/admission.ts';
import { MODULE_BYTES_MAX } from '../../../src/catalog/admission/module-bytes-max.ts';
import { compileArtifact } from '../../../src/catalog/admit.ts';
import { ArtifactCache } from '../../../src/catalog/artifact-cache.ts';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import { ECHO, guest, wat } from '../../guests/wat.ts';

const MINUTE_MS = 60_000;
const GENEROUS = { timeMs: MINUTE_MS, memoryBytes: 2 ** 31 };

/** Valid, within every bound of the rewriter, and so much code that reading it takes a second. */
const BOMB = (() => {
  const body = Array.from({ length: 40 }, () => 'local.get 0 i32.const 3 i32.mul local.set 0').join(' ');
  return guest({ fields: repeated(body, 6000) });
})();

function repeated(body: string, times: number): string {
  return Array.from({ length: times }, (_, n) => `(func $f${n} (param i32) ${body})`).join('\n');
}

/** Processes that this one started and that run. */
function children(): number[] {
  const task = `/proc/${process.pid}/task`;
  return readdirSync(task)
    .flatMap((thread) => readFileSync(`${task}/${thread}/children`, 'utf8').split(' '))
    .filter((pid) => pid !== '')
    .map(Number);
}

/** Node has started in the process, and does more. */
/** Resolves when it is no child of this process any more. */
async function gone(pid: number | undefined): Promise<void> {
  expect(pid).toBeTypeOf('number');
  for await (const _ of setInterval(10)) if (pid === undefined || !children().includes(pid)) return;
}

function isWarmingUp(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const userTicks = stat.slice(stat.lastIndexOf(')')).split(' ')[12];
  return Number(userTicks) >= 15;
}

let admission: Admission | null = null;
afterEach(() => admission?.close());

describe('admission in a child process', { timeout: 2 * MINUTE_MS }, () => {
  it('prepares what runs, with the refusals of the pipeline', async () => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const [echo, refused] = await Promise.allSettled([
      admission.prepare(ECHO),
      admission.prepare(wat('(module (import "env" "system" (func)))')),
    ]);
    expect(echo.status === 'fulfilled' && compileArtifact(echo.value, null).image).not.toBeNull();
    expect(refused).toMatchObject({ reason: { code: 'ERR_IMPORT_UNKNOWN', name: 'BrokerError' } });
  });

  it('refuses 41 bytes that ask for a gigabyte of tables', async () => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const tables = wat('(module (table 10000000 funcref) (table 10000000 funcref) (memory 1))');
    expect(tables.byteLength).toBeLessThan(42);
    await expect(admission.prepare(tables)).rejects.toMatchObject({ code: 'ERR_MODULE_TOO_LARGE' });
  });

  it('refuses a module that is larger than it takes from anybody, and one of the largest size by its own code', async () => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const message = expect.stringContaining(`at most ${MODULE_BYTES_MAX}`);
    await expect(admission.prepare(new Uint8Array(MODULE_BYTES_MAX + 1))).rejects.toMatchObject({
      code: 'ERR_MODULE_TOO_LARGE',
      message,
    });
    await expect(admission.prepare(new Uint8Array(MODULE_BYTES_MAX))).rejects.toMatchObject({
      code: 'ERR_MODULE_TOO_LARGE',
      message: expect.stringContaining('limit-module-bytes'),
    });
  });

  it('ends a child that takes too long, and serves the next module from another', async () => {
    admission = new Admission(DEFAULT_LIMITS, { ...GENEROUS, timeMs: 30 });
    await expect(admission.prepare(BOMB)).rejects.toMatchObject({ code: 'ERR_ADMISSION_TIME' });
    admission.close();
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    expect((await admission.prepare(ECHO)).facts.publishedBytes).toBe(ECHO.byteLength);
  });

  it('takes an answer that came while this thread was held up for longer than a module may take', async () => {
    const bounds = { ...GENEROUS };
    admission = new Admission(DEFAULT_LIMITS, bounds);
    const [first, second] = [admission.prepare(ECHO), admission.prepare(ECHO)];
    await first;
    // The child is up, and has the second request by the next turn.
    bounds.timeMs = 1000;
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1.5 * bounds.timeMs);
    expect((await second).facts.publishedBytes).toBe(ECHO.byteLength);
  });

  it.skipIf(process.platform !== 'linux')('ends a child that needs too much memory', async () => {
    admission = new Admission(DEFAULT_LIMITS, { ...GENEROUS, memoryBytes: 20_000_000 });
    await expect(admission.prepare(BOMB)).rejects.toMatchObject({ code: 'ERR_ADMISSION_MEMORY' });
  });

  it('gives an endless start function no image, so that every step pays for it', async () => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const endless = guest({ fields: '(func $s (loop $again (br $again))) (start $s)' });
    expect(await admission.prepare(endless)).toMatchObject({
      image: null,
      facts: { startExport: 'metering:start' },
    });
  });

  it.skipIf(process.platform !== 'linux').each([
    ['while it warms up', 0],
    ['while a module waits for it to be ready', 1],
  ])('costs nobody anything when a spare child is lost %s', async (_, waits) => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const first = admission.prepare(ECHO);
    const before = children();
    await first;
    const [spare] = await vi.waitFor(() => {
      const started = children().filter((pid) => !before.includes(pid) && isWarmingUp(pid));
      expect(started).toHaveLength(1);
      return started as [number];
    }, 10_000);
    const prepared = waits > 0 ? admission.prepare(ECHO) : null;
    process.kill(spare, 'SIGKILL');
    expect((await (prepared ?? admission.prepare(ECHO))).facts.publishedBytes).toBe(ECHO.byteLength);
  });

  it.skipIf(process.platform !== 'linux')(
    'ends a child behind the module it was given, and when it is closed',
    async () => {
      admission = new Admission(DEFAULT_LIMITS, GENEROUS);
      const before = children();
      const first = admission.prepare(ECHO);
      const [used] = children().filter((pid) => !before.includes(pid));
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      await first;
      const second = admission.prepare(ECHO);
      const [other] = children().filter((pid) => !before.includes(pid) && pid !== used);
      await second;
      // Not while what came of it is compiled.
      expect(children()).toEqual(expect.arrayContaining([used, other]));
      vi.advanceTimersByTime(100);
      await gone(used);
      await gone(other);
      await admission.prepare(ECHO);
      const [last] = children().filter((pid) => !before.includes(pid));
      admission.close();
      await gone(last);
    },
  );

  it('gives back what waits when it is closed, and takes no more', async () => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const waiting = [admission.prepare(BOMB), admission.prepare(ECHO), admission.prepare(ECHO)];
    admission.close();
    waiting.push(admission.prepare(ECHO));
    const before = children();
    for (const each of await Promise.allSettled(waiting))
      expect(each).toMatchObject({ reason: { code: 'ERR_ADMISSION_LOST' } });
    expect(children().filter((pid) => !before.includes(pid))).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'refuses a module while no file can be opened, and takes it afterwards',
    async () => {
      const script = fileURLToPath(new URL('./without-files.ts', import.meta.url));
      const limited = 'ulimit -n 128; exec "$0" "$1"';
      const { stdout } = await promisify(execFile)('sh', ['-c', limited, process.execPath, script]);
      expect(stdout.split('\n')).toEqual(['EMFILE', 'ERR_ADMISSION_LOST', 'prepared', '']);
    },
  );

  it('says that it was lost when it is closed at work', async () => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const prepared = admission.prepare(BOMB);
    admission.close();
    await expect(prepared).rejects.toMatchObject({ code: 'ERR_ADMISSION_LOST' });
  });
});

describe('the cache of artifacts', () => {
  it('prepares and compiles the same bytes once, under any manifest', async () => {
    admission = new Admission(DEFAULT_LIMITS, GENEROUS);
    const { prepare } = admission;
    let prepared = 0;
    const cache = new ArtifactCache((bytes) => {
      prepared += 1;
      return prepare.call(admission, bytes);
    });
    const [one, two] = await Promise.all([cache.admit(ECHO, null), cache.admit(ECHO.slice(), null)]);
    expect(two.module).toBe(one.module);
    expect((await cache.admit(ECHO, null)).module).toBe(one.module);
    await expect(cache.admit(new Uint8Array(3), null)).rejects.toMatchObject({
      code: 'ERR_MODULE_MALFORMED',
    });
    await expect(cache.admit(new Uint8Array(3), null)).rejects.toMatchObject({
      code: 'ERR_MODULE_MALFORMED',
    });
    expect(prepared).toBe(3);
  });
});
