/**
 * Entry of a child process that runs guests, started by URL and imported by nobody. It has no environment, may read only
 * the code it runs, and knows the broker by one socket. Guests run in a thread; this one passes on what comes and goes,
 * and answers for the thread when a guest does not yield.
 */
import { Socket } from 'node:net';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { ObjectToLane } from '../batch.ts';
import { CLOCK_BYTES, CLOCK_POSTED_BYTE, CLOCK_RUNNING, epochMs, NOT_RUNNING } from '../protocol.ts';
import { packClock } from './clock-frame.ts';
import { dropPermissions } from './drop-permissions.ts';
import { FRAME, type Frame, type FrameKind, FrameReader, sendFrame } from './frames.ts';
import { unpackModule } from './module-frame.ts';

const SOCKET_FD = 3;
const CLOCK_INTERVAL_MS = 25;
/** The broker is trusted; this is what a length can say. */
const FRAME_BYTES_MAX = 2 ** 32 - 1;
const EXIT_THREAD_LOST = 70;

const clock = new SharedArrayBuffer(CLOCK_BYTES);
const view = new Float64Array(clock);
view[CLOCK_RUNNING] = NOT_RUNNING;
const posted = new Int32Array(clock, CLOCK_POSTED_BYTE, 1);
const { port1, port2 } = new MessageChannel();
const [, , heapMb] = process.argv;
// It inherits the flags of this process: with `execArgv: []` it would have every permission.
const thread = new Worker(
  new URL(import.meta.url.endsWith('.ts') ? './lane-thread.ts' : './lane-thread.js', import.meta.url),
  {
    workerData: { port: port2, clock, tier: 'process' },
    transferList: [port2],
    env: {},
    argv: [],
    resourceLimits: { maxOldGenerationSizeMb: Number(heapMb) },
  },
);
dropPermissions();
// A terminal sends its signals to children too; the broker says when it is time to end.
process.on('SIGINT', () => {});
thread.on('error', () => {});
thread.on('exit', (code) => process.exit(code === 0 ? 0 : EXIT_THREAD_LOST));

const socket = new Socket({ fd: SOCKET_FD, readable: true, writable: true });
const reader = new FrameReader([FRAME.batch, FRAME.module, FRAME.limits, FRAME.close], FRAME_BYTES_MAX);
socket.on('data', (chunk: Uint8Array) => {
  for (const frame of reader.read(chunk)) passOn(frame);
});
// Without a broker there is nothing to do.
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
port1.on('message', (batch: ArrayBuffer) => sendFrame(socket, FRAME.batch, new Uint8Array(batch)));

let wasIdle = true;
setInterval(() => {
  const told = packClock(view, epochMs());
  const isIdle = told.length === 1;
  if (!isIdle || !wasIdle) sendFrame(socket, FRAME.clock, new Uint8Array(told.buffer));
  wasIdle = isIdle;
}, CLOCK_INTERVAL_MS);

function passOn({ kind, body }: Frame): void {
  if (kind === FRAME.batch) port1.postMessage(body, [body]);
  else port1.postMessage(objectOf(kind, body));
  Atomics.add(posted, 0, 1);
}

function objectOf(kind: FrameKind, body: ArrayBuffer): ObjectToLane {
  if (kind === FRAME.module) return unpackModule(body);
  if (kind === FRAME.limits) return JSON.parse(new TextDecoder().decode(body)) as ObjectToLane;
  return { type: 'close' };
}
