import { describe, expect, it } from 'vitest';
import { Convictions } from '../../../src/sandbox/lanes/convictions.ts';
import type { JobEnd } from '../../../src/sandbox/lanes/job.ts';
import { LanePool } from '../../../src/sandbox/lanes/lane-pool.ts';
import { Room } from '../../../src/sandbox/lanes/room.ts';
import { elapsedMs } from '../../../src/sandbox/lanes/wall-time.ts';
import { CLOCK_BYTES, clockOf } from '../../../src/sandbox/protocol.ts';
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
          needsBytes: false,
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
