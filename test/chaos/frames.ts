/** One message of PostgreSQL's protocol, whole. */
export interface Frame {
  /** Its type byte as a character; empty for the start-up message, which has none. */
  readonly type: string;
  readonly bytes: Buffer;
}

const LENGTH_BYTES = 4;

/** Cuts a stream of protocol messages (version 3) into frames. `untyped`: the stream begins with a start-up message. */
export function createFrameReader(untyped: boolean): (chunk: Buffer) => readonly Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  let typeBytes = untyped ? 0 : 1;
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= typeBytes + LENGTH_BYTES) {
      const size = typeBytes + rest.readUInt32BE(typeBytes);
      if (rest.length < size) break;
      frames.push({ type: rest.toString('latin1', 0, typeBytes), bytes: rest.subarray(0, size) });
      rest = rest.subarray(size);
      typeBytes = 1;
    }
    return frames;
  };
}

/** The text of the statement that a client's frame carries, or null: `Q` has it first, `P` after the statement's name. */
export function statementText({ type, bytes }: Frame): string | null {
  const content = bytes.subarray(1 + LENGTH_BYTES);
  if (type === 'Q') return content.toString('utf8', 0, content.indexOf(0));
  if (type !== 'P') return null;
  const text = content.subarray(content.indexOf(0) + 1);
  return text.toString('utf8', 0, text.indexOf(0));
}
