import { type ChildProcess, spawn } from 'node:child_process';
import { findPackageJSON } from 'node:module';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../errors.ts';
import type { ToLane } from '../batch.ts';
import { unpackClock } from '../process/clock-frame.ts';
import { FRAME, FrameReader, sendFrame } from '../process/frames.ts';
import { packModule } from '../process/module-frame.ts';
import { CLOCK_BYTES, CLOCK_RUNNING, epochMs, NOT_RUNNING } from '../protocol.ts';
import type { LaneLink, OpenLink } from './link.ts';

/** The JavaScript heap of the thread that passes on what comes and goes. */
const RELAY_HEAP_MB = 128;
const SOCKET_FD = 3;

const CODE_FOLDER = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGE_FILE = fileURLToPath(new URL('../../../package.json', import.meta.url));
const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../process/child.ts' : '../process/child.js', import.meta.url),
);

/** Packages that the code of a lane imports. */
const LANE_PACKAGES = ['zod', '@assemblyscript/loader', 're2js'] as const;

/** The folder of an installed package. */
function packageFolder(name: string): string {
  return dirname(findPackageJSON(name, import.meta.url) ?? '');
}

/** What a child may do: read its own code, and start the one thread that gives up even that. */
export function childFlags(): string[] {
  const packages = LANE_PACKAGES.map((name) => `${packageFolder(name)}/`);
  const readable = [CODE_FOLDER, PACKAGE_FILE, ...packages].map((path) => `--allow-fs-read=${path}`);
  return ['--permission', '--allow-worker', ...readable, `--max-old-space-size=${RELAY_HEAP_MB}`];
}

export interface ProcessOptions {
  readonly heapMb: number;
  /** Largest frame that is taken from a child. */
  readonly maxFrameBytes: number;
  /** First of the user and group ids that children get one each of, if this process may give them; null: its own. */
  readonly firstUid: number | null;
}

/** How many ids after the first are used before it begins anew. */
const UIDS = 4096;
let children = 0;

/** Lanes in processes of their own. */
export function processLinks(options: ProcessOptions): OpenLink {
  return (receive) => openProcess(options, receive);
}

function openProcess(options: ProcessOptions, receive: (batch: unknown) => void): LaneLink {
  const child = start(options);
  // Without a free file descriptor there is none; `error` comes later.
  const socket = (child.stdio?.[SOCKET_FD] ?? null) as Socket | null;
  const clock = new Float64Array(CLOCK_BYTES / Float64Array.BYTES_PER_ELEMENT);
  clock[CLOCK_RUNNING] = NOT_RUNNING;
  let fault: string | null = null;
  const end = (reason: string) => {
    fault ??= reason;
    child.kill('SIGKILL');
  };
  // untrusted: every byte of a child that runs guests
  const reader = new FrameReader([FRAME.batch, FRAME.clock], options.maxFrameBytes);
  socket?.on('data', (chunk: Uint8Array) => {
    if (fault !== null) return;
    try {
      for (const { kind, body } of reader.read(chunk)) {
        if (kind === FRAME.batch) receive(body);
        else if (!unpackClock(body, clock, epochMs())) end('it sent a clock that cannot be');
      }
    } catch (error) {
      end(`it sent what is not a frame: ${messageOf(error)}`);
    }
  });
  // A child that is gone is told about by its exit.
  socket?.on('error', () => {});
  return {
    clock,
    claims: null,
    ended: exitOf(child, () => fault).finally(() => socket?.destroy()),
    postMessage: (post) => {
      if (socket !== null) send(socket, post);
    },
    kill: () => child.kill('SIGKILL'),
    tier: 'process',
  };
}

function start({ heapMb, firstUid }: ProcessOptions): ChildProcess {
  const id = firstUid === null ? null : firstUid + (children++ % UIDS);
  return spawn(process.execPath, [...childFlags(), ENTRY, String(heapMb)], {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    ...(id !== null && process.getuid?.() === 0 && { uid: id, gid: id }),
  });
}

function exitOf(child: ChildProcess, fault: () => string | null): Promise<string | null> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`its process cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      resolve(fault() ?? (code === 0 ? null : `its process ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

function send(socket: Socket, post: ToLane): void {
  if (post instanceof ArrayBuffer) sendFrame(socket, FRAME.batch, new Uint8Array(post));
  else if (post.type === 'module') sendFrame(socket, FRAME.module, new Uint8Array(packModule(post)));
  else if (post.type === 'close') sendFrame(socket, FRAME.close, new Uint8Array());
  else sendFrame(socket, FRAME.limits, new TextEncoder().encode(JSON.stringify(post)));
}
