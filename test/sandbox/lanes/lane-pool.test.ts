import { describe, expect, it } from 'vitest';
import { packFromLane } from '../../../src/sandbox/batch.ts';
import { Convictions } from '../../../src/sandbox/lanes/convictions.ts';
import type { Job, JobEnd } from '../../../src/sandbox/lanes/job.ts';
import { Lane } from '../../../src/sandbox/lanes/lane.ts';
import { LanePool } from '../../../src/sandbox/lanes/lane-pool.ts';
import { Room } from '../../../src/sandbox/lanes/room.ts';
import { elapsedMs } from '../../../src/sandbox/lanes/wall-time.ts';
import { CLAIM, CLOCK_BYTES, clockOf } from '../../../src/sandbox/protocol.ts';
import { exampleJob } from '../../support/jobs.ts';

const job = (done: (end: JobEnd) => void) => exampleJob({ done });

describe('a pool whose lanes never become ready', () => {
  it('gives its jobs back, to be retried, instead of keeping them for ever, and convicts nobody', async () => {
    let opened = 0;
    const convictions = new Convictions(() => {});
    const pool = new LanePool({
      lanes: 1,
      slotsPerLane: 4,
      recycleAfter: null,
      distrustsClock: false,
      convictions,
      room: new Room(Number.MAX_SAFE_INTEGER),
      open: () => {
        opened += 1;
        const clock = new Float64Array(CLOCK_BYTES / 8);
        return {
          clock,
          claims: null,
          tier: 'thread',
          postMessage: () => {},
          kill: () => {},
          ended: Promise.resolve('no memory'),
        };
      },
    });
    const ends = await Promise.all([1, 2].map(() => new Promise<JobEnd>((done) => pool.submit(job(done)))));
    for (const end of ends) {
      expect(end).toMatchObject({
        verdict: { kind: 'aborted', code: 'ERR_LANE_LOST', message: 'no lane could be started: no memory' },
      });
    }
    expect(opened).toBe(5);
    expect(convictions.verdictOn(job(() => {}))).toBeNull();
    await pool.close();
  });
});

describe('the time of an invocation', () => {
  it('stands still from the reply to its host call until its lane goes on with it', () => {
    const clock = new Float64Array(CLOCK_BYTES / 8);
    clock[clockOf(3)] = 1000;
    const replies = { sent: 0, lastSentAtMs: 0 };
    expect(elapsedMs(clock, 3, replies, 1500)).toBe(500);
    const answered = { sent: 1, lastSentAtMs: 1600 };
    expect(elapsedMs(clock, 3, answered, 9000)).toBe(600);
    // The lane moved its entry on by what it had to wait.
    clock[clockOf(3)] = 1000 + 7400;
    clock[clockOf(3) + 1] = 1;
    expect(elapsedMs(clock, 3, answered, 9100)).toBe(700);
    expect(elapsedMs(clock, 4, replies, 9100)).toBe(0);
  });
});

describe('a lane whose jobs are recalled', () => {
  /** A lane with four jobs, of which the first was entered. */
  function heldLane() {
    const clock = new Float64Array(CLOCK_BYTES / 8);
    const claims = new Int32Array(8);
    const seen = { ended: [] as Job[], skipped: 0, killed: false };
    let receive: (batch: unknown) => void = () => {};
    const lane = new Lane(
      (take) => {
        receive = take;
        const kill = () => {
          seen.killed = true;
        };
        return {
          clock,
          claims,
          kill,
          tier: 'thread',
          postMessage: () => {},
          ended: new Promise(() => {}),
        };
      },
      {
        index: 0,
        distrustsClock: false,
        onReady: () => {},
        onFree: (_, done) => seen.ended.push(done),
        onSkipped: () => {
          seen.skipped += 1;
        },
        onDead: () => {},
      },
    );
    const jobs = [1, 2, 3, 4].map((queuedAtMs) => exampleJob({ queuedAtMs, done: () => {} }));
    for (const each of jobs) lane.dispatch(each);
    claims[0] = CLAIM.entered;
    clock[clockOf(0)] = 1;
    return {
      lane,
      jobs,
      claims,
      seen,
      say: (message: { type: 'skipped'; slot: number }) => receive(packFromLane([message])),
    };
  }

  it('gives back those that wait since it was last looked at, the last ones first, and none that was entered', () => {
    const { lane, jobs, claims } = heldLane();
    expect(lane.recall(1)).toEqual([]);
    lane.watch(2);
    // Entered since then.
    claims[3] = CLAIM.entered;
    expect(lane.recall(0.5)).toEqual([jobs[2]]);
    expect(lane.recall(1)).toEqual([jobs[1]]);
    expect([lane.inFlight, lane.slotsInUse]).toEqual([2, 4]);
    expect([...claims.subarray(0, 4)]).toEqual([
      CLAIM.entered,
      CLAIM.recalled,
      CLAIM.recalled,
      CLAIM.entered,
    ]);
  });

  it('uses their slots again once the other side has skipped them, and ends one that skips others', () => {
    const { lane, jobs, claims, seen, say } = heldLane();
    lane.watch(2);
    expect(lane.recall(1)).toEqual([jobs[3], jobs[2], jobs[1]]);
    lane.dispatch(exampleJob({ done: () => {} }));
    expect(claims[4]).toBe(CLAIM.free);
    say({ type: 'skipped', slot: 2 });
    lane.dispatch(exampleJob({ done: () => {} }));
    expect(claims[2]).toBe(CLAIM.free);
    expect(seen).toEqual({ ended: [], skipped: 1, killed: false });
    say({ type: 'skipped', slot: 2 });
    expect(seen.killed).toBe(true);
  });
});
