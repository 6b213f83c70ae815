/**
 * How messages cross between threads: a run of small ones as one buffer, since cloning an object graph costs
 * microseconds for each. Modules cannot be written as bytes and cross as objects of their own, in order.
 *
 * Each message begins with its kind and slot as two u32; every byte sequence is a u32 length and the bytes.
 */
import type { Limits } from '../model/limits.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import type {
  CallMessage,
  CancelMessage,
  CloseMessage,
  GuestResult,
  InvokeMessage,
  LogRecord,
  ModuleMessage,
  PingMessage,
  PongMessage,
  ReadyMessage,
  ReplyMessage,
  ResultMessage,
  SkippedMessage,
} from './protocol.ts';

/** `limitsId` stands for limits that the lane has been told. */
export type PackedInvoke = Omit<InvokeMessage, 'limits'> & {
  readonly moduleId: number;
  readonly limitsId: number;
};
export type PackedToLane = PackedInvoke | ReplyMessage | CancelMessage | PingMessage;
export type PackedFromLane = ReadyMessage | PongMessage | SkippedMessage | CallMessage | ResultMessage;

/** A set of limits, told once per lane. */
export interface LimitsMessage {
  readonly type: 'limits';
  readonly limitsId: number;
  /** The number that is not used any more. */
  readonly forgets: number | null;
  readonly limits: Limits;
}

/** What crosses as an object of its own. */
export type ObjectToLane = ModuleMessage | LimitsMessage | CloseMessage;
/** One post on a lane's port. */
export type ToLane = ArrayBuffer | ObjectToLane;

/** Below this many bytes a copy costs less than handing a buffer over. */
const COPIED_BYTES = 8192;

/** What is handed over and not copied. */
export function transferListOf(post: unknown): ArrayBuffer[] {
  return post instanceof ArrayBuffer && post.byteLength > COPIED_BYTES ? [post] : [];
}

const KIND = Object.freeze({
  invoke: 1,
  reply: 2,
  cancel: 3,
  ready: 4,
  call: 5,
  result: 6,
  ping: 7,
  pong: 8,
  skipped: 9,
});
const NO_TIME = Number.NaN;
const NO_LEVEL = 255;
const NO_SEED = new Uint8Array(0);

/** Messages for a lane as one buffer. */
export function packToLane(messages: readonly PackedToLane[]): ArrayBuffer {
  const out = new ByteWriter();
  for (const message of messages) {
    out.u32(KIND[message.type]);
    out.u32('slot' in message ? message.slot : 0);
    if (message.type === 'invoke') packInvoke(out, message);
    else if (message.type === 'reply') {
      out.u32(message.status);
      out.f64(message.timeMs ?? NO_TIME);
      out.f64(message.sentAtMs);
      out.bytes(message.payload);
    }
  }
  return out.finish();
}

function packInvoke(out: ByteWriter, message: PackedInvoke): void {
  out.u32(message.moduleId);
  out.u32(message.limitsId);
  out.f64(message.timeMs ?? NO_TIME);
  out.u32(message.logLevel ?? NO_LEVEL);
  out.u32(message.mayWait ? 1 : 0);
  out.bytes(message.input);
  out.bytes(message.config);
  out.bytes(message.step);
  out.bytes(message.seed ?? NO_SEED);
}

/** Reads what `packToLane` wrote. Byte sequences are views of the buffer. */
export function unpackToLane(buffer: ArrayBuffer): PackedToLane[] {
  const reader = new ByteReader(buffer);
  const messages: PackedToLane[] = [];
  while (!reader.atEnd) {
    const kind = reader.u32();
    const slot = reader.u32();
    if (kind === KIND.invoke) messages.push(unpackInvoke(reader, slot));
    else if (kind === KIND.reply) {
      const status = reader.u32();
      const timeMs = timeOf(reader.f64());
      const sentAtMs = reader.f64();
      messages.push({ type: 'reply', slot, status, timeMs, sentAtMs, payload: reader.bytes() });
    } else if (kind === KIND.cancel) messages.push({ type: 'cancel', slot });
    else if (kind === KIND.ping) messages.push({ type: 'ping' });
    else throw new TypeError(`expected a message for a lane, got kind ${kind}`);
  }
  return messages;
}

function unpackInvoke(reader: ByteReader, slot: number): PackedInvoke {
  const moduleId = reader.u32();
  const limitsId = reader.u32();
  const timeMs = timeOf(reader.f64());
  const logLevel = reader.u32();
  return {
    type: 'invoke',
    slot,
    moduleId,
    limitsId,
    timeMs,
    logLevel: logLevel === NO_LEVEL ? null : logLevel,
    mayWait: reader.u32() === 1,
    input: reader.bytes(),
    config: reader.bytes(),
    step: reader.bytes(),
    seed: seedOf(reader.bytes()),
  };
}

function timeOf(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function seedOf(bytes: Uint8Array): Uint8Array | null {
  return bytes.byteLength === 0 ? null : bytes;
}

/** Messages of a lane as one buffer. */
export function packFromLane(messages: readonly PackedFromLane[]): ArrayBuffer {
  const out = new ByteWriter();
  for (const message of messages) {
    out.u32(KIND[message.type]);
    out.u32('slot' in message ? message.slot : 0);
    if (message.type === 'call') {
      out.u32(message.wireNumber);
      out.bytes(message.payload);
    } else if (message.type === 'result') packResult(out, message);
  }
  return out.finish();
}

function packResult(out: ByteWriter, message: ResultMessage): void {
  const { result } = message;
  const returned = result.kind === 'returned';
  out.u32(returned ? 1 : 0);
  out.u32(message.fuelExact ? 1 : 0);
  out.f64(message.fuel);
  out.f64(message.peakMemoryBytes);
  out.f64(message.wallMs);
  out.u32(message.digests === null ? 0 : 1);
  if (message.digests !== null) {
    out.bytes(message.digests.input);
    out.bytes(message.digests.output);
  }
  out.text(message.logs.length === 0 ? '' : JSON.stringify(message.logs));
  if (returned) out.bytes(result.output);
  else if (result.kind === 'checkpoint' || result.kind === 'wait') {
    out.text(JSON.stringify({ kind: result.kind }));
    out.bytes(result.request);
  } else out.text(JSON.stringify(result));
}

// untrusted: the worker is the hostile side; the receiver of these messages checks what they say
/** Reads what `packFromLane` wrote. Byte sequences are views of the buffer. */
export function unpackFromLane(buffer: ArrayBuffer): PackedFromLane[] {
  const reader = new ByteReader(buffer);
  const messages: PackedFromLane[] = [];
  while (!reader.atEnd) {
    const kind = reader.u32();
    const slot = reader.u32();
    if (kind === KIND.result) messages.push(unpackResult(reader, slot));
    else if (kind === KIND.call) {
      messages.push({ type: 'call', slot, wireNumber: reader.u32(), payload: reader.bytes() });
    } else if (kind === KIND.ready) messages.push({ type: 'ready' });
    else if (kind === KIND.pong) messages.push({ type: 'pong' });
    else if (kind === KIND.skipped) messages.push({ type: 'skipped', slot });
    else throw new TypeError(`expected a message of a lane, got kind ${kind}`);
  }
  return messages;
}

const NO_LOGS: readonly LogRecord[] = Object.freeze([]);

function unpackResult(reader: ByteReader, slot: number): ResultMessage {
  const returned = reader.u32() === 1;
  const fuelExact = reader.u32() === 1;
  const fuel = reader.f64();
  const peakMemoryBytes = reader.f64();
  const wallMs = reader.f64();
  const digests = reader.u32() === 1 ? { input: reader.bytes(), output: reader.bytes() } : null;
  const logText = reader.text();
  const logs = logText === '' ? NO_LOGS : (JSON.parse(logText) as LogRecord[]);
  const result: GuestResult = returned ? { kind: 'returned', output: reader.bytes() } : unpackEnd(reader);
  return { type: 'result', slot, result, fuel, fuelExact, peakMemoryBytes, logs, wallMs, digests };
}

function unpackEnd(reader: ByteReader): GuestResult {
  const end = JSON.parse(reader.text()) as Exclude<GuestResult, { readonly kind: 'returned' }>;
  return end.kind === 'checkpoint' || end.kind === 'wait' ? { kind: end.kind, request: reader.bytes() } : end;
}
