import * as z from 'zod';
import { HttpGrant } from '../../model/grant.ts';
import type { Verdict } from '../../model/verdict.ts';
import { PREFIX_BYTES, splitFrame } from './frame.ts';

/*
 * Frames of http_request, in both directions; see frame.ts.
 */

const URL_CHARS_MAX = 8192;

const Head = z.strictObject({
  method: HttpGrant.shape.methods.element,
  url: z.string().min(1).max(URL_CHARS_MAX),
  headers: z.record(z.string(), z.string()).default({}),
  timeout_ms: z.int().positive().optional(),
});
export type RequestHead = Readonly<z.infer<typeof Head>>;

/** Takes a frame of a guest apart. The body is a view of `payload`. untrusted: `payload`. */
export function decodeRequestFrame(
  payload: Uint8Array,
): Verdict<{ readonly head: RequestHead; readonly body: Uint8Array }> {
  return splitFrame('http_request', payload, Head);
}

/** The frame that answers a request. */
export function encodeResponseFrame(
  head: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly url: string },
  body: Uint8Array,
): Uint8Array {
  const text = JSON.stringify(head);
  const headBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + headBytes + body.byteLength);
  frame.writeUInt32LE(headBytes);
  frame.write(text, PREFIX_BYTES);
  frame.set(body, PREFIX_BYTES + headBytes);
  return frame;
}
