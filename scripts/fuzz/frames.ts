/**
 * Fuzzes what crosses between the broker and its lanes, both directions: the broker's lane over a link on which a hostile
 * process sends frames, or a hostile thread messages, and the other side's readers. What is sent is random, or real with bits
 * turned, cut, doubled and put together.
 */
import type { Boundary, BoundaryAnswer } from '../../src/host/host-call.ts';
import type { Tier } from '../../src/model/tier.ts';
import { packFromLane, packToLane, type ToLane, unpackToLane } from '../../src/sandbox/batch.ts';
import type { Job } from '../../src/sandbox/lanes/job.ts';
import { Lane } from '../../src/sandbox/lanes/lane.ts';
import type { OpenLink } from '../../src/sandbox/lanes/link.ts';
import { packClock, unpackClock } from '../../src/sandbox/process/clock-frame.ts';
import { FRAME, type FrameKind, FrameReader, frameHeader } from '../../src/sandbox/process/frames.ts';
import { CLOCK_BYTES, epochMs, type ResultMessage } from '../../src/sandbox/protocol.ts';
import { exampleJob } from '../../test/support/jobs.ts';
import { oneOf, type Random, randomFrom } from './random.ts';

export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
}

export interface FuzzResult {
  readonly frames: number;
  /** Invocations that came to an end by what was sent. */
  readonly ended: number;
  /** Lanes that the broker ended because of what was sent. */
  readonly refused: number;
  /** Host calls that were performed for an invocation without the grant, or with another's authority. */
  readonly granted: number;
}

const SLOTS = 4;
const FRAME_BYTES_MAX = 64 * 1024;
const PER_LANE = 50;

/** Sends `count` frames in each direction. Throws when something does that only a fault of ours can do. */
export async function fuzzFrames({ count, seed }: FuzzOptions): Promise<FuzzResult> {
  const random = randomFrom(seed);
  const total = { frames: 0, ended: 0, refused: 0, granted: 0 };
  for (let lanes = 0; total.frames < count; lanes += 1) {
    const tier = lanes % 2 === 0 ? 'process' : 'thread';
    const { frames, ended, refused, granted } = await sendToBroker(tier, count - total.frames, random);
    for (let sent = 0; sent < frames; sent += 1) sendToChild(someFrame(random), random);
    total.frames += frames;
    total.ended += ended;
    total.refused += refused;
    total.granted += granted;
  }
  return total;
}

/** A lane of the broker with jobs on it that nobody granted anything; `most` frames at most are what its process says. */
async function sendToBroker(tier: Tier, most: number, random: Random): Promise<FuzzResult> {
  const counts = { frames: 0, ended: 0, refused: 0, granted: 0 };
  const boundary: Boundary = async (authority) => {
    if (!jobs.some((job) => job.authority === authority)) counts.granted += 1;
    return DENIED;
  };
  const jobs: readonly Job[] = Array.from({ length: SLOTS }, () =>
    fuzzJob(tier, boundary, () => (counts.ended += 1)),
  );
  let receive: (batch: unknown) => void = () => {};
  let endLink: (reason: string | null) => void = () => {};
  let isKilled = false;
  const clock = new Float64Array(CLOCK_BYTES / 8);
  const claims = tier === 'thread' ? new Int32Array(SLOTS) : null;
  const open: OpenLink = (take) => {
    receive = take;
    const ended = new Promise<string | null>((resolve) => (endLink = resolve));
    const kill = () => {
      isKilled = true;
    };
    return { clock, claims, ended, kill, tier, postMessage: (_: ToLane) => {} };
  };
  const handedBack: Job[] = [];
  const lane = new Lane(open, {
    index: 0,
    distrustsClock: tier === 'process',
    onReady: () => {},
    onFree: () => {},
    onSkipped: () => {},
    onDead: (_, __, lost) => handedBack.push(...lost.map(({ job }) => job)),
  });
  for (const job of jobs) lane.dispatch(job);
  const reader = new FrameReader([FRAME.batch, FRAME.clock], FRAME_BYTES_MAX);
  for (; !isKilled && counts.frames < Math.min(most, PER_LANE); counts.frames += 1) {
    if (tier === 'thread') {
      receive(somePost(random));
      scribble(clock, random);
      claims?.fill(random(4), random(SLOTS));
      lane.watch(epochMs());
      handedBack.push(...lane.recall(random(3) / 2));
      continue;
    }
    try {
      for (const { kind, body } of reader.read(cut(someFrame(random), random))) {
        if (kind === FRAME.batch) receive(body);
        else if (!unpackClock(body, clock, epochMs())) isKilled = true;
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      isKilled = true;
    }
    lane.watch(epochMs());
  }
  if (isKilled) counts.refused += 1;
  endLink('fuzzed');
  await lane.close();
  if (counts.ended + handedBack.length !== jobs.length) {
    throw new Error(
      `${jobs.length} jobs, but ${counts.ended} ended and ${handedBack.length} were handed back`,
    );
  }
  return counts;
}

const DENIED: BoundaryAnswer = Object.freeze({
  status: 1,
  payload: new Uint8Array(),
  secret: null,
  record: Object.freeze({
    call: 'http_request',
    allowed: false,
    target: '',
    code: 'ERR_GRANT_MISSING',
    grant: null,
    requestSha256: '',
    responseSha256: null,
    atMs: 0,
    requestBytes: 0,
    responseBytes: 0,
    ms: 0,
  }),
});

/** The child reads frames of the broker, whom it trusts; a broken one must end in an error and not in a hang. */
function sendToChild(frame: Uint8Array, random: Random): void {
  try {
    const reader = new FrameReader([FRAME.batch, FRAME.limits, FRAME.close], FRAME_BYTES_MAX);
    for (const { kind, body } of reader.read(cut(frame, random))) {
      if (kind === FRAME.batch) unpackToLane(body);
      else if (kind === FRAME.limits) JSON.parse(new TextDecoder().decode(body));
    }
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError))
      throw error;
  }
}

function fuzzJob(tier: Tier, boundary: Boundary, onDone: () => void): Job {
  let done = false;
  const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  return exampleJob({
    artifact: { digest: 'sha256:0', module, image: null, memoryMinPages: 1 } as unknown as Job['artifact'],
    boundary,
    tier,
    done: () => {
      if (done) throw new Error('a job ended twice');
      done = true;
      onDone();
    },
  });
}

function someFrame(random: Random): Uint8Array {
  switch (random(40)) {
    case 0:
      return randomBytes(random, random(40));
    case 1:
      return framed(random(256) as FrameKind, randomBytes(random, random(200)));
    case 2:
      return framed(FRAME.clock, new Uint8Array(someClock(random).buffer));
    case 3:
      return turned(framed(FRAME.batch, new Uint8Array(someBatch(random))), random);
    case 4:
      return framed(FRAME.batch, turned(new Uint8Array(someBatch(random)), random));
    case 5:
      return framed(FRAME.batch, new Uint8Array(toLane(random)));
    default:
      return framed(FRAME.batch, new Uint8Array(someBatch(random)));
  }
}

/** What a thread can post: batches, and whatever else crosses by a copy. */
function somePost(random: Random): unknown {
  switch (random(12)) {
    case 0:
      return oneOf<unknown>(random, [
        null,
        undefined,
        0,
        Number.NaN,
        '',
        [],
        {},
        new Map(),
        new Error('x'),
        new Date(0),
      ]);
    case 1:
      return { type: 'result', slot: random(SLOTS), result: { kind: 'completed', output: '1' } };
    case 2:
      return randomBytes(random, random(60)).buffer;
    case 3:
      return new SharedArrayBuffer(random(60));
    case 4:
      return randomBytes(random, random(60));
    case 5:
      return turned(new Uint8Array(someBatch(random)), random).buffer;
    case 6:
      return someBatch(random).slice(0, random(40));
    case 7:
      return toLane(random);
    default:
      return someBatch(random);
  }
}

/** A thread shares its clock with the broker, and writes what it likes. */
function scribble(clock: Float64Array, random: Random): void {
  if (random(4) > 0) return;
  clock[random(clock.length)] = oneOf(random, [Number.NaN, -1, 0, 1, SLOTS, 1e300, epochMs()]);
}

function framed(kind: FrameKind, body: Uint8Array): Uint8Array {
  return Buffer.concat([frameHeader(kind, body.byteLength), body]);
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

function turned(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  for (let times = random(3); times >= 0 && changed.byteLength > 0; times -= 1) {
    const at = random(changed.byteLength);
    changed[at] = (changed[at] ?? 0) ^ (1 << random(8));
  }
  return changed;
}

/** Now and then a frame does not come whole. */
function cut(bytes: Uint8Array, random: Random): Uint8Array {
  return random(20) === 0 ? bytes.subarray(0, random(bytes.byteLength + 1)) : bytes;
}

function someClock(random: Random): Float64Array<ArrayBuffer> {
  if (random(2) === 0) return packClock(new Float64Array(CLOCK_BYTES / 8), epochMs());
  return Float64Array.from({ length: random(8) }, () => (random(4) === 0 ? Number.NaN : random(5000) - 1));
}

/** What a process can say, well-formed but not always true. */
function someBatch(random: Random): ArrayBuffer {
  const slot = random(SLOTS + 2);
  switch (random(5)) {
    case 4:
      return packFromLane([{ type: 'skipped', slot }]);
    case 0:
      return packFromLane([{ type: 'ready' }, { type: 'pong' }]);
    case 1:
      return packFromLane(
        Array.from({ length: 1 + random(30) }, () => ({
          type: 'call' as const,
          slot,
          wireNumber: random(4),
          payload: randomBytes(random, random(50)),
        })),
      );
    default:
      return packFromLane([someResult(slot, random)]);
  }
}

const ENDS: readonly unknown[] = [
  { kind: 'returned', output: new Uint8Array([49]) },
  { kind: 'returned', output: new Uint8Array([255]) },
  { kind: 'wait', request: new Uint8Array([123, 125]) },
  { kind: 'failed', code: 'ERR_ABORTED', message: 'free attempts', retryable: true },
  { kind: 'failed', code: 7, message: null },
  { kind: 'aborted', code: 'ERR_ABORTED', message: 'free attempts' },
  {
    kind: 'exhausted',
    code: 'ERR_LIMIT_FUEL',
    message: '',
    limit: '__proto__',
    allowed: 1,
    used: 1,
    setting: '',
  },
  { kind: 'trapped', code: 'ERR_GUEST_TRAP', message: 'x', stack: ['f', 3] },
  { kind: 'completed', output: '{"skipped":"every check"}' },
  { kind: '__proto__' },
  null,
  [],
];

function someResult(slot: number, random: Random): ResultMessage {
  const number = () =>
    random(8) > 0 ? 1 : ([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e300][random(4)] ?? 0);
  const logs = [[], [{ level: 'info', message: 'ungranted' }], [{ level: '__proto__', message: 1 }], {}][
    random(8)
  ];
  return {
    type: 'result',
    slot,
    result: (ENDS[random(2) === 0 ? random(4) : random(ENDS.length)] ?? {
      kind: 'none',
    }) as ResultMessage['result'],
    fuel: number(),
    fuelExact: true,
    peakMemoryBytes: number(),
    logs: (logs ?? []) as ResultMessage['logs'],
    wallMs: number(),
    digests:
      random(8) > 0 ? null : { input: randomBytes(random, 32), output: randomBytes(random, random(40)) },
  };
}

function toLane(random: Random): ArrayBuffer {
  const payload = randomBytes(random, random(60));
  return packToLane([
    { type: 'reply', slot: random(9), status: random(9), payload, timeMs: null, sentAtMs: epochMs() },
    { type: 'cancel', slot: random(9) },
  ]);
}
