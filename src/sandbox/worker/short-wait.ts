import { availableParallelism } from 'node:os';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { ToLane } from '../batch.ts';

/** A reply that takes longer is slept for: waking up costs a thread 5 to 40 µs, the more the deeper its core sleeps. */
const WAIT_MS = 0.1;
/** After a wait in vain, so many calls sleep at once. */
const SKIPPED = 64;
/** Looks at the shared count between two looks at the clock. */
const LOOKS = 200;
/** So many waits in a row, and then the event loop has its turn. */
const IN_A_ROW_MAX = 32;

/**
 * A lane that has nothing else to do waits for the answer to a host call awake, if the last answers came at once (a
 * cache, a secret: not HTTP). Adaptive like a mutex that spins before it parks.
 */
export class ShortWait {
  readonly #port: MessagePort;
  /** How many posts the broker has sent to the port. */
  readonly #posted: Int32Array;
  #skip: number;
  #inARow = 0;

  constructor(port: MessagePort, posted: Int32Array, cores = availableParallelism()) {
    this.#port = port;
    this.#posted = posted;
    // On a single core whoever waits awake keeps the broker from answering.
    this.#skip = cores > 1 ? 0 : Number.POSITIVE_INFINITY;
  }

  /** The event loop had its turn. */
  rested(): void {
    this.#inARow = 0;
  }

  /** The next post, if it comes soon. */
  next(): ToLane | null {
    if (this.#inARow === IN_A_ROW_MAX) return null;
    if (this.#skip > 0) {
      this.#skip -= 1;
      return null;
    }
    this.#inARow += 1;
    const early = receiveMessageOnPort(this.#port);
    if (early !== undefined) return early.message as ToLane;
    const before = Atomics.load(this.#posted, 0);
    const untilMs = performance.now() + WAIT_MS;
    do {
      for (let round = 0; round < LOOKS && Atomics.load(this.#posted, 0) === before; round += 1);
      const post = receiveMessageOnPort(this.#port);
      if (post !== undefined) return post.message as ToLane;
    } while (performance.now() < untilMs);
    this.#skip = SKIPPED;
    return null;
  }
}
