import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { type ToLane, transferListOf } from '../batch.ts';
import {
  CLOCK_BYTES,
  CLOCK_CLAIMS_BYTE,
  CLOCK_POSTED_BYTE,
  CLOCK_RUNNING,
  NOT_RUNNING,
  SLOTS_MAX,
} from '../protocol.ts';
import type { LaneLink, OpenLink } from './link.ts';

/** Bounds the JavaScript heap of a lane; linear memories are bounded by the modules themselves. */
export const LANE_HEAP_MB = 256;
/** More threads than this help nobody. */
export const LANES_MAX = 256;

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../worker/entry.ts' : '../worker/entry.js',
  import.meta.url,
);

/** The threads of one sandbox: a thread starts with its lane's task and ends with it. */
export interface Threads {
  readonly open: OpenLink;
  close(): Promise<void>;
}

/** Piscina owns the threads; a lane is one long task. */
export function createThreads(heapMb = LANE_HEAP_MB): Threads {
  const piscina = new Piscina({
    filename: ENTRY.href,
    minThreads: 0,
    maxThreads: LANES_MAX,
    concurrentTasksPerWorker: 1,
    atomics: 'disabled',
    env: {},
    execArgv: [],
    argv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  return Object.freeze({
    open: (receive: (batch: unknown) => void) => openThread(piscina, receive),
    close: () => piscina.destroy(),
  });
}

function openThread(piscina: Piscina, receive: (batch: unknown) => void): LaneLink {
  const clock = new SharedArrayBuffer(CLOCK_BYTES);
  const view = new Float64Array(clock);
  // Zero would name slot 0 until the thread is up.
  view[CLOCK_RUNNING] = NOT_RUNNING;
  const posted = new Int32Array(clock, CLOCK_POSTED_BYTE, 1);
  const { port1, port2 } = new MessageChannel();
  port1.on('message', receive);
  const killed = new AbortController();
  const ended = piscina
    // piscina derives the type of transferList from an older MessagePort.
    .run({ port: port2, clock, tier: 'thread' }, { transferList: [port2] as never, signal: killed.signal })
    .then(() => null, String)
    .finally(() => port1.close());
  return {
    clock: view,
    claims: new Int32Array(clock, CLOCK_CLAIMS_BYTE, SLOTS_MAX),
    tier: 'thread',
    ended,
    postMessage: (post: ToLane) => {
      port1.postMessage(post, transferListOf(post));
      Atomics.add(posted, 0, 1);
    },
    kill: () => killed.abort(),
  };
}
