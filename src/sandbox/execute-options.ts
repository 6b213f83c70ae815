import type { Boundary } from '../host/host-call.ts';
import type { LogLevel } from '../model/abi.ts';
import type { GrantInput } from '../model/grant.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { PartialLimits } from '../model/limits.ts';
import type { Tape } from '../model/tape.ts';

/** What answers the host calls of a replay. */
export interface RecordedAnswers {
  readonly boundary: Boundary;
  /** What `get_time` answers after the last call; null where time stood still. */
  readonly timeMs: () => number | null;
}

export interface ExecuteOptions {
  /** The input document: JSON text (string or UTF-8 bytes), or a JSON object or array. */
  readonly input: string | Uint8Array | JsonObject | JsonValue[];
  /** The handler's configuration. Default `{}`. */
  readonly config?: string | JsonObject;
  /** Facts about the step that the guest may read. Default `{}`. */
  readonly step?: JsonObject;
  /** What the invocation may do; nothing when left out. */
  readonly grants?: readonly GrantInput[];
  /** Ceilings below the sandbox's own. */
  readonly limits?: PartialLimits;
  /** The mark with which the configuration's secret references were resolved; without it no secret is put in. */
  readonly secretMark?: string;
  /** Name used in refusals; default the manifest's. */
  readonly handler?: string;
  /** What `get_time` answers, in milliseconds since the epoch; default the time of this call. */
  readonly timeMs?: number;
  /** 64 hexadecimal digits that randomness starts from; default: drawn anew. In the receipt. */
  readonly seed?: string;
  /** Tasker's namespace; what is cached is kept apart by it. Default ''. */
  readonly namespace?: string;
  /** Ends the invocation as aborted (ERR_ABORTED). */
  readonly signal?: AbortSignal;
  /** Answers host calls from a recording instead of performing them; see `replay`. */
  readonly answers?: RecordedAnswers;
  /** Given the tape of the invocation after it ended; without this none is recorded. `execute` rejects with what it throws. */
  readonly onTape?: (tape: Tape) => void;
  /** untrusted: messages the guest logged, after it ended. `execute` rejects with what it throws. */
  readonly onLog?: (level: LogLevel, message: string) => void;
}
