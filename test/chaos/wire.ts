import net from 'node:net';
import { createFrameReader, type Frame, statementText } from './frames.ts';
import { statementName } from './statements.ts';

/** Where on the wire a statement is struck. */
export type Phase =
  /** It has not reached the server. */
  | 'before'
  /** A part of its bytes has reached the server. */
  | 'torn'
  /** It has reached the server, which may or may not have carried it out. */
  | 'sent'
  /** The server has carried it out, and the client does not know it yet. */
  | 'answered'
  /** A part of the answer has reached the client. */
  | 'torn answer';

export interface Strike {
  readonly phase: Phase;
  /** For the torn phases: how much arrives, from 0 to 1. */
  readonly share: number;
  /** What happens at this point. The statement or its answer is held until then, and goes on or is lost with its connection. */
  act(): Promise<'go on' | 'cut'>;
}

/** A TCP proxy before PostgreSQL that knows which statement passes. */
export interface Wire {
  /** The server's URL with the proxy's address. */
  urlOf(database?: string): string;
  /** Asked once for each statement that a client sends. */
  onStatement: (name: string) => Strike | null;
  /** The server's side of every connection there ever was: what `pg_stat_activity` calls `client_port`. */
  readonly ports: readonly number[];
  close(): Promise<void>;
}

/** `target` is asked for every connection: a server that was restarted may listen elsewhere. */
export async function startWire(target: () => URL, database?: string): Promise<Wire> {
  const sockets = new Set<net.Socket>();
  const ports: number[] = [];
  const wire = {
    onStatement: (_name: string): Strike | null => null,
    ports,
    urlOf(name = database) {
      const url = target();
      url.host = `127.0.0.1:${port}`;
      if (name !== undefined) url.pathname = `/${name}`;
      return url.href;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = net.createServer({ noDelay: true }, (client) => {
    const { hostname, port: targetPort } = target();
    const upstream = net.connect({ port: Number(targetPort), host: hostname, noDelay: true });
    upstream.once('connect', () => ports.push(upstream.localPort ?? 0));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    join(client, upstream, (name) => wire.onStatement(name));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;
  return wire;
}

/** Passes frames both ways, one statement and its answer at a time: `pg` sends the next only after an answer. */
function join(client: net.Socket, upstream: net.Socket, ask: (name: string) => Strike | null): void {
  const readClient = createFrameReader(true);
  const readServer = createFrameReader(false);
  let sending: Frame[] = [];
  let answer: { readonly strike: Strike; readonly frames: Frame[] } | null = null;

  const cut = () => {
    client.destroy();
    upstream.destroy();
  };
  const strikeStatement = async (strike: Strike, bytes: Buffer): Promise<void> => {
    if (strike.phase === 'torn') upstream.write(bytes.subarray(0, Math.floor(bytes.length * strike.share)));
    if (strike.phase === 'sent') upstream.write(bytes);
    if ((await strike.act()) === 'cut') return cut();
    if (strike.phase === 'before') upstream.write(bytes);
  };
  const strikeAnswer = async (strike: Strike, bytes: Buffer): Promise<void> => {
    if (strike.phase === 'torn answer')
      client.write(bytes.subarray(0, Math.floor(bytes.length * strike.share)));
    if ((await strike.act()) === 'cut') return cut();
    client.write(bytes);
  };

  client.on('data', (chunk: Buffer) => {
    for (const frame of readClient(chunk)) {
      sending.push(frame);
      // A statement with parameters is several messages up to Sync.
      if (['P', 'B', 'D', 'E'].includes(frame.type)) continue;
      const text = sending.map(statementText).find((found) => found !== null);
      const bytes = Buffer.concat(sending.map((sent) => sent.bytes));
      sending = [];
      const strike = typeof text === 'string' ? ask(statementName(text)) : null;
      if (strike === null) upstream.write(bytes);
      else if (strike.phase === 'answered' || strike.phase === 'torn answer') {
        answer = { strike, frames: [] };
        upstream.write(bytes);
      } else void strikeStatement(strike, bytes);
    }
  });
  upstream.on('data', (chunk: Buffer) => {
    for (const frame of readServer(chunk)) {
      if (answer === null) {
        client.write(frame.bytes);
        continue;
      }
      answer.frames.push(frame);
      // ReadyForQuery: a statement outside a transaction block is committed.
      if (frame.type !== 'Z') continue;
      const { strike, frames } = answer;
      answer = null;
      void strikeAnswer(strike, Buffer.concat(frames.map((one) => one.bytes)));
    }
  });
}
