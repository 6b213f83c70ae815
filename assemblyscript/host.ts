import * as abi from "./abi";

/** Severity of a log line; the numbers are part of the ABI. */
export const enum LogLevel {
  Debug = 0,
  Info = 1,
  Warn = 2,
  Error = 3,
}

/** Writes a log line. Needs the capability `log`. */
export function log(message: string, level: LogLevel = LogLevel.Info): void {
  const bytes = String.UTF8.encode(message);
  abi.log(level, changetype<usize>(bytes), bytes.byteLength);
}

/**
 * Milliseconds since 1970. Needs the capability `time`. The same for the whole invocation; with a grant that lets it
 * advance, it goes on whenever a call that left the sandbox comes back.
 */
export function now(): f64 {
  return abi.get_time();
}
