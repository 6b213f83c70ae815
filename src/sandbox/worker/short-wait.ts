import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { ToLane } from '../batch.ts';

/** What takes longer is slept for: waking up costs a thread 5 to 40 µs, the more the deeper its core sleeps. */
const WAIT_MS = 0.1;
/** After a wait in vain the next calls sleep at once: one, and after each further one twice as many, up to so many. */
const SKIPPED_MAX = 64;
/** Looks at the shared count between two looks at the clock. */
const LOOKS = 200;
/** So many waits in a row, and then the event loop has its turn. */
const IN_A_ROW_MAX = 32;

/**
 * A lane that has nothing else to do waits awake for what the broker sends next, if that came at once the last times: the
 * answer to a host call (a cache, a secret: not HTTP), or more work. It saves both sides: whoever sends to a thread that
 * sleeps pays for waking it. Adaptive like a mutex that spins before it parks.
 */
export class ShortWait {
  readonly #port: MessagePort;
  /** How many posts the broker has sent to the port. */
  readonly #posted: Int32Array;
  #skip: number;
  #skipNext = 1;
  #inARow = 0;

  /** `waits`: false where there is no core to wait on. */
  constructor(port: MessagePort, posted: Int32Array, waits: boolean) {
    this.#port = port;
    this.#posted = posted;
    this.#skip = waits ? 0 : Number.POSITIVE_INFINITY;
  }

  /** The next post, if it comes soon. */
  next(): ToLane | null {
    if (this.#inARow === IN_A_ROW_MAX) return null;
    if (this.#skip > 0) {
      this.#skip -= 1;
      return null;
    }
    this.#inARow += 1;
    // Only what an immediate sees is a turn: Node may read a thousand posts in one.
    if (this.#inARow === IN_A_ROW_MAX) setImmediate(() => (this.#inARow = 0));
    const early = receiveMessageOnPort(this.#port);
    if (early !== undefined) return this.#came(early.message);
    const before = Atomics.load(this.#posted, 0);
    const untilMs = performance.now() + WAIT_MS;
    do {
      for (let round = 0; round < LOOKS && Atomics.load(this.#posted, 0) === before; round += 1);
      const post = receiveMessageOnPort(this.#port);
      if (post !== undefined) return this.#came(post.message);
    } while (performance.now() < untilMs);
    this.#skip = this.#skipNext;
    this.#skipNext = Math.min(2 * this.#skipNext, SKIPPED_MAX);
    return null;
  }

  #came(post: ToLane): ToLane {
    this.#skipNext = 1;
    return post;
  }
}
