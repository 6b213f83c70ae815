import type * as z from 'zod';
import { describeIssues } from '../../model/parse.ts';
import { refuse, type Verdict } from '../../model/verdict.ts';

/*
 * Frames of calls that leave the sandbox: `u32 little-endian head length | head (UTF-8 JSON) | body`.
 */

export const PREFIX_BYTES = 4;
/** A head is a few short fields; anything larger is a body in the wrong place. */
const HEAD_BYTES_MAX = 64 * 1024;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Takes a frame of a guest apart and reads its head by `schema`. The body is a view of `payload`. untrusted: `payload`. */
export function splitFrame<Schema extends z.ZodType>(
  call: string,
  payload: Uint8Array,
  schema: Schema,
): Verdict<{ readonly head: z.output<Schema>; readonly body: Uint8Array }> {
  const invalid = (why: string) => refuse('ERR_HOST_CALL_INVALID', `${call}: ${why}.`);
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
  const head = schema.safeParse(parsed);
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
