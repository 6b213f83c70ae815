/** Runs in a lane's thread. Frames of calls that leave: `u32 little-endian head length | head (UTF-8 JSON) | body`. */
const PREFIX_BYTES = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function encodeFrame(head: string, body: Uint8Array): Uint8Array {
  const headBytes = encoder.encode(head);
  const frame = new Uint8Array(PREFIX_BYTES + headBytes.byteLength + body.byteLength);
  new DataView(frame.buffer).setUint32(0, headBytes.byteLength, true);
  frame.set(headBytes, PREFIX_BYTES);
  frame.set(body, PREFIX_BYTES + headBytes.byteLength);
  return frame;
}

/** Takes an answer of the broker apart. The body is a view of it. */
export function splitFrame(frame: Uint8Array): { readonly head: string; readonly body: Uint8Array } {
  const headBytes = new DataView(frame.buffer, frame.byteOffset, PREFIX_BYTES).getUint32(0, true);
  const bodyStart = PREFIX_BYTES + headBytes;
  return { head: decoder.decode(frame.subarray(PREFIX_BYTES, bodyStart)), body: frame.subarray(bodyStart) };
}
