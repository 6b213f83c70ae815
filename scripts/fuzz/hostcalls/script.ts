import type { LimitName } from '../../../src/model/limits.ts';
import { oneOf, type Random } from '../random.ts';
import {
  CALL_DIGITS,
  MAX_PAGES,
  MIN_PAGES,
  OPERATIONS,
  type Operation,
  PAGE_BYTES,
  PAYLOADS,
  SCRIPT_END,
} from './replay-guest.ts';

/*
 * Scripts, and how they have to end by the rules of docs/host-calls.md, written a second time: every call but the last goes
 * on, the last may break a rule.
 */

/** A script for the replay guest. */
export interface Script {
  /** The input document. */
  readonly input: string;
  readonly calls: number;
  /** `completed`, or the codes with which it may end. */
  readonly ends: readonly string[];
}

export const FUZZ_LIMITS = {
  output_bytes: 100_000,
  log_bytes: 1_000_000,
  log_lines: 5_000,
  http_request_bytes: 50_000,
  host_calls: 100_000,
} as const satisfies { readonly [Name in LimitName]?: number };

const CALLS_MAX = 300;
const FRAME_HEAD_BYTES = 64 * 1024 + 4;
/** Of what the host writes where it is told: documents and results are smaller. */
const ROOM_BYTES = 2 * PAGE_BYTES;

/** Where a script is. */
interface State {
  pages: number;
  logBytes: number;
  logLines: number;
}

type Args = readonly [a: number, b?: number, c?: number];

export function someScript(random: Random): Script {
  const state: State = { pages: MIN_PAGES, logBytes: 0, logLines: 0 };
  const calls = 1 + random(CALLS_MAX);
  let text = '';
  for (let made = 0; made < calls; made += 1) text += encode(...harmlessCall(random, state));
  if (random(4) === 0) return { input: JSON.stringify(text), calls, ends: ['completed'] };
  const [operation, args, ends] = fatalCall(random, state);
  return { input: JSON.stringify(text + encode(operation, args)), calls: calls + 1, ends };
}

function encode(operation: Operation, [a, b = 0, c = 0]: Args): string {
  const hex = (value: number, digits: number) => (value >>> 0).toString(16).padStart(digits, '0');
  const call = `${hex(OPERATIONS.indexOf(operation), 2)}${hex(a, 8)}${hex(b, 8)}${hex(c, 8)}`;
  if (call.length !== CALL_DIGITS) throw new Error(`expected ${CALL_DIGITS} digits, got ${call}`);
  return call;
}

const sizeOf = ({ pages }: State) => pages * PAGE_BYTES;

/** A piece of memory, often at its very end, often a payload that means something. */
function piece(random: Random, state: State, most: number): [at: number, length: number] {
  const size = sizeOf(state);
  switch (random(4)) {
    case 0: {
      const { at, bytes } = oneOf(random, PAYLOADS);
      return [at, Math.min(most, bytes.byteLength)];
    }
    case 1: {
      const { at, bytes } = oneOf(random, PAYLOADS);
      return [at + random(3), Math.min(most, random(bytes.byteLength + 8))];
    }
    case 2: {
      const length = Math.min(most, oneOf(random, [0, 1, 2, 63, 64, 65, random(5000)]));
      return [size - length, length];
    }
    default: {
      const length = random(Math.min(most, 5000) + 1);
      return [random(size - length + 1), length];
    }
  }
}

/** Where the host may write so much without touching the script. */
function target(random: Random, state: State, length: number): number {
  const size = sizeOf(state);
  return random(3) === 0 ? size - length : SCRIPT_END + random(size - length - SCRIPT_END + 1);
}

const LEAVING = ['http_request', 'secret_read', 'cache_get', 'cache_put'] as const;

function harmlessCall(random: Random, state: State): [Operation, Args] {
  switch (random(12)) {
    case 0:
      return [oneOf(random, ['input_len', 'config_len', 'step_len', 'result_len', 'get_time'] as const), [0]];
    case 1:
      return [
        oneOf(random, ['input_read', 'config_read', 'step_read', 'result_read'] as const),
        [target(random, state, ROOM_BYTES)],
      ];
    case 2:
      return ['output_write', piece(random, state, FUZZ_LIMITS.output_bytes)];
    case 3:
      return logCall(random, state);
    case 4: {
      const length = oneOf(random, [0, 1, 16, random(1000), 65_536]);
      return ['random_bytes', [target(random, state, length), length]];
    }
    case 5:
      return ['regex_match', piece(random, state, 2000)];
    case 6: {
      const more = oneOf(random, [0, 1, 2, 100, -1]);
      if (more >= 0 && state.pages + more <= MAX_PAGES) state.pages += more;
      return ['grow', [more]];
    }
    case 7:
      return ['poke', [target(random, state, 4), random(2 ** 31)]];
    // Larger than any request may be: answered without a look at it, wherever it points.
    case 8:
      return [
        oneOf(random, LEAVING),
        [random(2 ** 31), FUZZ_LIMITS.http_request_bytes + FRAME_HEAD_BYTES + 1 + random(2 ** 30)],
      ];
    default:
      return [oneOf(random, LEAVING), piece(random, state, 20_000)];
  }
}

function logCall(random: Random, state: State): [Operation, Args] {
  const [at, length] = piece(random, state, 2000);
  if (state.logLines + 1 >= FUZZ_LIMITS.log_lines || state.logBytes + length > FUZZ_LIMITS.log_bytes)
    return ['get_time', [0]];
  state.logLines += 1;
  state.logBytes += length;
  return ['log', [random(4), at, length]];
}

/** A piece that does not lie in memory: beyond its end, or around the end of what a number can say. */
function outside(random: Random, state: State, most = 2 ** 31): [at: number, length: number] {
  const size = sizeOf(state);
  switch (random(4)) {
    case 0:
      return [size, 1 + random(Math.min(most, 100))];
    case 1:
      return [size - random(16), 17 + random(Math.min(most - 17, 1000))];
    case 2:
      return [-1 - random(16), 17];
    default:
      return [size + random(2 ** 30), 1 + random(Math.min(most, 1000))];
  }
}

const POINTER = ['ERR_GUEST_POINTER'] as const;

function fatalCall(random: Random, state: State): [Operation, Args, readonly string[]] {
  const readers = ['input_read', 'config_read', 'step_read', 'result_read'] as const;
  switch (random(10)) {
    case 0:
      return [oneOf(random, readers), [sizeOf(state) + 1 + random(2 ** 30)], POINTER];
    case 1:
      return ['output_write', outside(random, state, FUZZ_LIMITS.output_bytes), POINTER];
    case 2:
      return [
        'output_write',
        [random(2 ** 31), FUZZ_LIMITS.output_bytes + 1 + random(2 ** 31)],
        ['ERR_LIMIT_OUTPUT'],
      ];
    case 3:
      return ['log', [random(4), ...outside(random, state, 1000)], POINTER];
    case 4:
      return ['log', [oneOf(random, [-1, 4, 2 ** 31 - 1]), 0, 1], ['ERR_GUEST_PROTOCOL']];
    case 5:
      return ['log', [1, 0, FUZZ_LIMITS.log_bytes + 1 + random(2 ** 30)], ['ERR_LIMIT_LOG']];
    case 6:
      return [
        'random_bytes',
        random(2) === 0 ? outside(random, state, 65_536) : [0, 65_537 + random(2 ** 30)],
        [...POINTER, 'ERR_GUEST_PROTOCOL'],
      ];
    case 7:
      return [
        oneOf(random, [...LEAVING, 'regex_match', 'fail', 'checkpoint', 'wait'] as const),
        outside(random, state, 10_000),
        POINTER,
      ];
    case 8:
      return ['fail', piece(random, state, 20_000), ['own', 'ERR_GUEST_PROTOCOL']];
    default: {
      const operation = oneOf(random, ['checkpoint', 'wait'] as const);
      return [
        operation,
        piece(random, state, 20_000),
        ['yielded', 'waiting', 'ERR_GUEST_PROTOCOL', 'ERR_GRANT_MISSING'],
      ];
    }
  }
}
