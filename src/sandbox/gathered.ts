import type { Tier } from '../model/tier.ts';
import type { PackedFromLane, PackedToLane } from './batch.ts';

/**
 * Messages wait for others until there are so many. Few enough that both threads work at the same time: with 16 or 8 a
 * lane with 64 echoes in flight does 3 % less. A process has the way over a socket and a thread that passes on: with 12 it
 * does 15 % less.
 */
export const BATCH_MAX: Readonly<Record<Tier, number>> = Object.freeze({ thread: 12, process: 32 });
/** And no longer than until their documents take so much: of 64 KB, 32 at a time take 5 % longer than eight. */
const BATCH_BYTES = 512 * 1024;

/** Messages on their way into one batch. */
export class Gathered<Message extends PackedToLane | PackedFromLane> {
  readonly #max: number;
  #messages: Message[] = [];
  #bytes = 0;

  constructor(tier: Tier) {
    this.#max = BATCH_MAX[tier];
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** True when it is time to send them. */
  add(message: Message): boolean {
    this.#bytes += documentBytes(message);
    return this.#messages.push(message) >= this.#max || this.#bytes >= BATCH_BYTES;
  }

  take(): Message[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}

function documentBytes(message: PackedToLane | PackedFromLane): number {
  switch (message.type) {
    case 'invoke':
      return message.input.byteLength;
    case 'reply':
    case 'call':
      return message.payload.byteLength;
    case 'result':
      return message.result.kind === 'returned' ? message.result.output.byteLength : 0;
    default:
      return 0;
  }
}
