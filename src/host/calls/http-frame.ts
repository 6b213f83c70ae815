import * as z from 'zod';
import { HttpGrant } from '../../model/grant.ts';
import { describeIssues } from '../../model/parse.ts';
import { refuse, type Verdict } from '../../model/verdict.ts';

/*
 * Frames of http_request, in both directions: `u32 little-endian head length | head (UTF-8 JSON) | body`.
 */

const PREFIX_BYTES = 4;
/** A head is method, URL and headers; anything larger is a body in the wrong place. */
const HEAD_BYTES_MAX = 64 * 1024;
const URL_CHARS_MAX = 8192;

const Head = z.strictObject({
  method: HttpGrant.shape.methods.element,
  url: z.string().min(1).max(URL_CHARS_MAX),
  headers: z.record(z.string(), z.string()).default({}),
  timeout_ms: z.int().positive().optional(),
});
export type RequestHead = Readonly<z.infer<typeof Head>>;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Takes a frame of a guest apart. The body is a view of `payload`. untrusted: `payload`. */
export function decodeRequestFrame(
  payload: Uint8Array,
): Verdict<{ readonly head: RequestHead; readonly body: Uint8Array }> {
  if (payload.byteLength < PREFIX_BYTES) {
    return invalid(`expected at least ${PREFIX_BYTES} bytes, got ${payload.byteLength}`);
  }
  const headBytes = new DataView(payload.buffer, payload.byteOffset, PREFIX_BYTES).getUint32(0, true);
  const available = payload.byteLength - PREFIX_BYTES;
  if (headBytes > Math.min(available, HEAD_BYTES_MAX)) {
    return invalid(`head length ${headBytes} exceeds ${Math.min(available, HEAD_BYTES_MAX)} bytes`);
  }
  const parsed = parseJson(payload.subarray(PREFIX_BYTES, PREFIX_BYTES + headBytes));
  if (parsed === undefined) return invalid('the head is not UTF-8 JSON');
  const head = Head.safeParse(parsed);
  if (!head.success) return invalid(describeIssues(head.error));
  return { allowed: true, head: head.data, body: payload.subarray(PREFIX_BYTES + headBytes) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

function invalid(why: string): ReturnType<typeof refuse> {
  return refuse('ERR_HOST_CALL_INVALID', `http_request: ${why}.`);
}

/** The frame that answers a request. */
export function encodeResponseFrame(
  head: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly url: string },
  body: Uint8Array,
): Uint8Array {
  const headBytes = encoder.encode(JSON.stringify(head));
  const frame = new Uint8Array(PREFIX_BYTES + headBytes.byteLength + body.byteLength);
  new DataView(frame.buffer).setUint32(0, headBytes.byteLength, true);
  frame.set(headBytes, PREFIX_BYTES);
  frame.set(body, PREFIX_BYTES + headBytes.byteLength);
  return frame;
}
