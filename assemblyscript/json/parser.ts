import { allocatePadded } from "../bytes";
import { Json, MISSING } from "./json";
import { JsonKind } from "./kind";
import { utf8SequenceLength } from "./utf8";

/** Deepest nesting of arrays and objects that is accepted. */
export const MAX_DEPTH = 256;

/** Why the last `parseJson` returned a missing value, and at which byte. */
export let parseError: string = "";
export let parseErrorOffset: i32 = 0;

const NODE_BYTES: u32 = offsetof<Json>();

// State of the parse in progress. A parse never runs inside another one.
let cursor: usize = 0;
let limit: usize = 0;
let tape: usize = 0;
let tapeBytes: u32 = 0;
let tapeCapacity: u32 = 0;
/** Offset of the innermost open container on the tape; NONE at the top. Its `span` holds the offset of its parent. */
let open: u32 = 0;
let depth: i32 = 0;

const NONE: u32 = 0xffffffff;

/** Parses text. Returns a missing value when it is not exactly one JSON document; `parseError` says why. */
export function parseJsonText(text: string): Json {
  const length = String.UTF8.byteLength(text);
  const start = allocatePadded(length);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, start, false, String.UTF8.ErrorMode.REPLACE);
  return parseJson(start, length);
}

/**
 * Parses a UTF-8 document strictly (RFC 8259, no byte order mark, at most MAX_DEPTH deep). The bytes come from
 * `allocatePadded` and stay in use for as long as the result is.
 */
export function parseJson(start: usize, length: i32): Json {
  cursor = start;
  limit = start + length;
  // A node per 16 bytes suits records with names; denser documents grow the tape.
  tapeCapacity = max<u32>(1024, length & ~15);
  tape = heap.alloc(tapeCapacity);
  tapeBytes = 0;
  open = NONE;
  depth = 0;
  if (parseDocument()) return changetype<Json>(tape);
  parseErrorOffset = <i32>(cursor - start);
  return MISSING;
}

function parseDocument(): bool {
  while (true) {
    skipWhitespace();
    if (!parseValueStart()) return false;
    while (open != NONE) {
      skipWhitespace();
      const byte = load<u8>(cursor);
      if (byte == 0x2c) {
        cursor++;
        if (openNode().isObject && !parseKey()) return false;
        break;
      }
      if (byte != closingByte()) return reject("expected ',' or the end of the array or object");
      closeContainer();
    }
    if (open == NONE) break;
  }
  skipWhitespace();
  return cursor == limit || reject("expected the end of the document");
}

/** Consumes a scalar, an empty container, or the start of a container up to its first value. */
function parseValueStart(): bool {
  while (true) {
    const byte = load<u8>(cursor);
    if (byte == 0x22) return parseString();
    if (byte == 0x7b) {
      if (!openContainer(JsonKind.Object)) return false;
      if (load<u8>(cursor) == 0x7d) return closeContainer();
      if (!parseKey()) return false;
      skipWhitespace();
    } else if (byte == 0x5b) {
      if (!openContainer(JsonKind.Array)) return false;
      if (load<u8>(cursor) == 0x5d) return closeContainer();
    } else if (byte == 0x74) return parseWord(JsonKind.True, 0x65757274, 4);
    else if (byte == 0x66) return parseWord(JsonKind.False, 0x65736c61, 5);
    else if (byte == 0x6e) return parseWord(JsonKind.Null, 0x6c6c756e, 4);
    else return parseNumber();
  }
}

function openContainer(kind: JsonKind): bool {
  if (++depth > MAX_DEPTH) return reject("expected at most 256 levels of nesting");
  const parent = open;
  open = tapeBytes;
  const node = pushNode(kind, cursor++);
  node.span = parent;
  skipWhitespace();
  return true;
}

function closeContainer(): bool {
  const node = openNode();
  const parent = node.span;
  node.end = <u32>++cursor;
  node.span = (tapeBytes - open) / NODE_BYTES;
  open = parent;
  depth--;
  return true;
}

@inline
function openNode(): Json {
  return changetype<Json>(tape + open);
}

@inline
function closingByte(): u8 {
  return openNode().isObject ? 0x7d : 0x5d;
}

/** A member's key and its colon. */
function parseKey(): bool {
  skipWhitespace();
  if (load<u8>(cursor) != 0x22) return reject("expected a member name in double quotes");
  if (!parseString()) return false;
  skipWhitespace();
  if (load<u8>(cursor) != 0x3a) return reject("expected ':' after the member name");
  cursor++;
  return true;
}

function parseString(): bool {
  const start = cursor + 1;
  let at = start;
  let escaped: u16 = 0;
  while (true) {
    at = skipPlainText(at);
    const byte = load<u8>(at);
    if (byte == 0x22) break;
    const length = byte == 0x5c ? escapeLength(at) : byte < 0x80 ? 0 : utf8SequenceLength(at, limit);
    if (length == 0) {
      cursor = at;
      return reject("expected well-formed text up to a closing double quote");
    }
    if (byte == 0x5c) escaped = 1;
    at += length;
  }
  const node = pushNode(JsonKind.String, start);
  node.escaped = escaped;
  node.end = <u32>at;
  node.span = 1;
  cursor = at + 1;
  return true;
}

/**
 * Skips bytes that need no attention in a string, eight at a time: stops at a quote, a backslash, a control character
 * or anything outside ASCII. The zeroed padding behind the document stops it at the end.
 * The subtraction marks bytes below a bound (Hacker's Delight 6-1); the lowest mark is always right.
 */
function skipPlainText(at: usize): usize {
  while (true) {
    const word = load<u64>(at);
    const quotes = (word ^ 0x2222222222222222) - 0x0101010101010101;
    const backslashes = (word ^ 0x5c5c5c5c5c5c5c5c) - 0x0101010101010101;
    const controls = word - 0x2020202020202020;
    const marks = (quotes | backslashes | controls | word) & 0x8080808080808080;
    if (marks != 0) return at + <usize>(ctz(marks) >> 3);
    at += 8;
  }
}

/** Length of the escape that starts at a backslash, or 0 when it is none. */
function escapeLength(at: usize): usize {
  const letter = load<u8>(at + 1);
  if (letter == 0x75) return isHex(at + 2) && isHex(at + 3) && isHex(at + 4) && isHex(at + 5) ? 6 : 0;
  const known = letter == 0x22 || letter == 0x5c || letter == 0x2f || letter == 0x6e || letter == 0x74
    || letter == 0x72 || letter == 0x62 || letter == 0x66;
  return known ? 2 : 0;
}

@inline
function isHex(at: usize): bool {
  const byte = load<u8>(at);
  return isDigit(byte) || <u8>((byte | 0x20) - 0x61) < 6;
}

@inline
function isDigit(byte: u8): bool {
  return <u8>(byte - 0x30) < 10;
}

function parseNumber(): bool {
  const start = cursor;
  let at = start;
  if (load<u8>(at) == 0x2d) at++;
  if (load<u8>(at) == 0x30) at++;
  else at = skipDigits(at);
  if (at != 0 && load<u8>(at) == 0x2e) at = skipDigits(at + 1);
  if (at != 0 && (load<u8>(at) | 0x20) == 0x65) {
    at++;
    if (load<u8>(at) == 0x2b || load<u8>(at) == 0x2d) at++;
    at = skipDigits(at);
  }
  if (at == 0) return reject("expected a value");
  const node = pushNode(JsonKind.Number, start);
  node.end = <u32>at;
  node.span = 1;
  cursor = at;
  return true;
}

/** Skips at least one digit; 0 when there is none. */
@inline
function skipDigits(at: usize): usize {
  if (!isDigit(load<u8>(at))) return 0;
  while (isDigit(load<u8>(at))) at++;
  return at;
}

/** `true`, `false` or `null`, told apart by their last four bytes. */
function parseWord(kind: JsonKind, lastFour: u32, length: u32): bool {
  if (load<u32>(cursor + length - 4) != lastFour) return reject("expected a value");
  const node = pushNode(kind, cursor);
  cursor += length;
  node.end = <u32>cursor;
  node.span = 1;
  return true;
}

@inline
function pushNode(kind: JsonKind, start: usize): Json {
  if (tapeBytes == tapeCapacity) growTape();
  const node = changetype<Json>(tape + tapeBytes);
  tapeBytes += NODE_BYTES;
  store<u32>(changetype<usize>(node), kind);
  node.start = <u32>start;
  return node;
}

function growTape(): void {
  tapeCapacity <<= 1;
  tape = heap.realloc(tape, tapeCapacity);
}

@inline
function skipWhitespace(): void {
  let at = cursor;
  while (true) {
    const byte = load<u8>(at);
    if (byte > 0x20 || !(byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09)) break;
    at++;
  }
  cursor = at;
}

function reject(reason: string): bool {
  parseError = reason;
  return false;
}
