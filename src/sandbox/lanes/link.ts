import type { Tier } from '../../model/tier.ts';
import type { ToLane } from '../batch.ts';

/** The way to the other side of a lane: a worker thread, or one in a process of its own. */
export interface LaneLink {
  /** Written by the other side; its layout is in protocol.ts. */
  readonly clock: Float64Array;
  /** Whose the invocation of each slot is, shared with the other side; null where nothing is shared. */
  readonly claims: Int32Array | null;
  /** In order. What cannot be delivered any more is dropped; then `ended` resolves. */
  postMessage(post: ToLane): void;
  /** To a process, module messages carry the module's bytes: it compiles for itself. */
  readonly tier: Tier;
  /** Ends the other side at once. */
  kill(): void;
  /** Resolves when the other side is gone, with the reason if it did not end by itself. */
  readonly ended: Promise<string | null>;
}

/** Opens the way to a new lane. untrusted: what `receive` gets was sent by the hostile side. */
export type OpenLink = (receive: (batch: unknown) => void) => LaneLink;
