import type { Artifact } from '../../catalog/artifact.ts';
import type { Authority, Boundary } from '../../host/host-call.ts';
import type { Aborted, Exhausted } from '../../model/outcome.ts';
import type { HostCallRecord } from '../../model/receipt.ts';
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
  /** Calls that left the sandbox, in order. */
  readonly calls: HostCallRecord[];
  /** Called exactly once. */
  readonly done: (end: JobEnd) => void;
}

/** How a job ended: what the worker reported, or a verdict of the broker about a worker that could not report. */
export type JobEnd =
  | { readonly reported: ResultMessage; readonly startedAtMs: number }
  | { readonly verdict: Exhausted | Aborted; readonly wallMs: number };
