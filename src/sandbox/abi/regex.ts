/** Runs in a lane's thread: the import `regex_match`. Beside the guest, so that no pattern can hold up the broker. */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { messageOf } from '../../errors.ts';
import { HOST_STATUS, type HostStatus } from '../../model/abi.ts';
import { guestBytes } from './guest-memory.ts';
import { chargeGuest, failCall, type GuestState, isOutOfFuel } from './guest-state.ts';
import { priceOf } from './price.ts';
import {
  compilePrice,
  matchPrice,
  PATTERN_BYTES_MAX,
  PROGRAM_SIZE_MAX,
  programBound,
} from './regex-price.ts';

type Regex = RE2JS;
type Engine = typeof import('re2js');

const PREFIX_BYTES = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// Loaded at the first match: most handlers never need it, and every lane would start 20 ms later.
const require = createRequire(import.meta.url);
let engine: Engine | null = null;

/** `u32 pattern length | pattern | text` → status; on ok the result is `null` or `{"groups", "names"}` as JSON. */
export function regexMatchImport(state: GuestState): (...args: number[]) => HostStatus {
  return (pointer = 0, length = 0) => {
    const size = length >>> 0;
    chargeGuest(state, priceOf(size));
    if (isOutOfFuel(state)) return HOST_STATUS.failed;
    const frame = guestBytes(state, 'regex_match', pointer, size);
    return frame === null ? HOST_STATUS.invalid : match(state, frame);
  };
}

function match(state: GuestState, frame: Uint8Array): HostStatus {
  const pattern = patternOf(frame);
  if (pattern === null) {
    return invalid(state, `expected a pattern of at most ${PATTERN_BYTES_MAX} bytes of UTF-8, then the text`);
  }
  const bound = programBound(pattern);
  if (bound > PROGRAM_SIZE_MAX) {
    return invalid(
      state,
      `the pattern may take ${bound} instructions, its repetitions counted; at most ${PROGRAM_SIZE_MAX}`,
    );
  }
  chargeGuest(state, compilePrice(pattern));
  if (isOutOfFuel(state)) return HOST_STATUS.failed;
  const regex = compile(pattern);
  if (typeof regex === 'string') return invalid(state, regex);
  // untrusted: a view of guest memory; the guest does not run meanwhile.
  const text = frame.subarray(PREFIX_BYTES + encoder.encode(pattern).byteLength);
  chargeGuest(state, matchPrice(regex.programSize(), text.byteLength));
  if (isOutOfFuel(state)) return HOST_STATUS.failed;
  state.result = encoder.encode(JSON.stringify(groupsOf(regex, text)));
  chargeGuest(state, priceOf(state.result.byteLength));
  return HOST_STATUS.ok;
}

function patternOf(frame: Uint8Array): string | null {
  if (frame.byteLength < PREFIX_BYTES) return null;
  const bytes = new DataView(frame.buffer, frame.byteOffset, PREFIX_BYTES).getUint32(0, true);
  if (bytes > Math.min(PATTERN_BYTES_MAX, frame.byteLength - PREFIX_BYTES)) return null;
  try {
    return decoder.decode(frame.subarray(PREFIX_BYTES, PREFIX_BYTES + bytes));
  } catch {
    return null;
  }
}

/** A thread that is to give up reading files has to load it before. */
export function loadRegexEngine(): Engine {
  engine ??= require('re2js') as Engine;
  return engine;
}

/** The compiled pattern, or why it is none. */
function compile(pattern: string): Regex | string {
  try {
    return loadRegexEngine().RE2JS.compile(pattern);
  } catch (error) {
    return messageOf(error);
  }
}

type Span = readonly [start: number, end: number] | null;

/** Where the leftmost match and its groups lie, in bytes of the text; null without a match. */
function groupsOf(regex: Regex, text: Uint8Array): { groups: Span[]; names: Record<string, number> } | null {
  const matcher = regex.matcher(text as never);
  if (!matcher.find()) return null;
  const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, group): Span => {
    const start = matcher.start(group);
    return start < 0 ? null : [start, matcher.end(group)];
  });
  return { groups, names: { ...regex.namedGroups() } };
}

function invalid(state: GuestState, why: string): HostStatus {
  return failCall(state, HOST_STATUS.invalid, 'ERR_HOST_CALL_INVALID', `regex_match: ${why}`);
}
