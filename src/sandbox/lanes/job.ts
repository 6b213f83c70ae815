import type { Artifact } from '../../catalog/artifact.ts';
import type { Authority, Boundary, BoundaryAnswer } from '../../host/host-call.ts';
import type { Aborted, Exhausted, Failed, Trapped } from '../../model/outcome.ts';
import type { HostCallRecord } from '../../model/receipt.ts';
import type { Tier } from '../../model/tier.ts';
import type { ResultMessage } from '../protocol.ts';
import type { Recorder } from '../tape/recorder.ts';

/** One invocation on its way through a lane, as the broker's own side knows it. */
export interface Job {
  readonly artifact: Artifact;
  /** The only source of what the guest may do; never built from a frame. */
  readonly authority: Authority;
  readonly input: Uint8Array;
  readonly config: Uint8Array;
  readonly step: Uint8Array;
  readonly timeMs: number | null;
  /** What `get_time` answers after a call that left the sandbox; null where time stands still. */
  readonly timeAfterCall: () => number | null;
  readonly seed: Uint8Array | null;
  readonly logLevel: number | null;
  readonly mayWait: boolean;
  /** Decides its host calls. */
  readonly boundary: Boundary;
  /** Keeps what they answer; null where no tape is wanted. */
  readonly recorder: Recorder | null;
  readonly queuedAtMs: number;
  /** Calls that left the sandbox and are answered, in order. */
  readonly calls: HostCallRecord[];
  /** The same calls, and those under way, for another run of this invocation. */
  readonly tape: TapedCall[];
  /** Lanes that were lost while this invocation was on them. */
  losses: number;
  /** What it is counted with while it has room; null while it has none. */
  roomBytes: number | null;
  /** Ends host calls that are still under way; made for the first. */
  abort: AbortController | null;
  readonly tier: Tier;
  /** Called exactly once, perhaps before `submit` returns. Never throws. */
  readonly done: (end: JobEnd) => void;
}

/** A host call of an invocation: performed once, however often the invocation is run. */
export interface TapedCall {
  readonly wireNumber: number;
  readonly requestSha256: string;
  /** Never rejects; may still be under way. */
  readonly given: Promise<GivenAnswer>;
}

/** What a host call answered, and what `get_time` answers from then on (null where time stands still). */
export interface GivenAnswer {
  readonly answer: BoundaryAnswer;
  readonly timeMs: number | null;
}

/** A verdict of the broker about an invocation whose worker could not report. */
export type JobVerdict = Exhausted | Aborted | Trapped | Failed;

/** How a job ended: what the worker reported, or what the broker says. */
export type JobEnd =
  | { readonly reported: ResultMessage; readonly startedAtMs: number }
  | { readonly verdict: JobVerdict; readonly wallMs: number };

/** The verdict on an invocation that its caller ended. */
export const ABORTED: Aborted = Object.freeze({
  kind: 'aborted',
  code: 'ERR_ABORTED',
  message: 'the invocation was broken off by the broker',
});
