import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { ENCODINGS } from './secret.ts';

/* What the servers out there answer, by the first part of the path. Not one of them means well. */

export interface Accomplices {
  /** Brings down the lane, as a fault of the engine would. */
  readonly endLane: () => void;
}

type Answer = (asked: Asked, response: ServerResponse, accomplices: Accomplices) => void;

interface Asked {
  readonly request: IncomingMessage & { readonly body?: string };
  /** The rest of the path, decoded. */
  readonly parts: readonly string[];
}

const OK = 'HTTP/1.1 200 OK\r\n';
const BOMB_BYTES = 8 * 1024 * 1024;

const ANSWERS: Readonly<Record<string, Answer>> = {
  ok: (_, response) => void response.end('hello'),
  /** `/to/STATUS/URL` */
  to: ({ parts: [status = '302', location = ''] }, response) =>
    void response.writeHead(Number(status), { location, 'content-length': '0' }).end(),
  /** Sends back what it was given in the header `x-token` and the body, in the encoding of its path. */
  reflect: ({ request, parts: [encoding = 'raw'] }, response) => {
    const encode = ENCODINGS[encoding] ?? String;
    const given = String(request.headers['x-token'] ?? '');
    response.setHeader('x-reflected', encodeURIComponent(encode(given)));
    response.end(`${encode(given)}\n${encode(request.body ?? '')}`);
  },
  bomb: (_, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(Buffer.alloc(BOMB_BYTES)));
  },
  silent: () => {},
  endless: ({ request }) => write(request, `${OK}connection: close\r\n\r\n`, 'x'.repeat(10_000)),
  'endless-header': ({ request }) => write(request, `${OK}x-a: `, 'y'.repeat(10_000)),
  headers: ({ request }) => {
    const lines = Array.from({ length: 2000 }, (_, n) => `x-${n}: y\r\n`).join('');
    write(request, `${OK}${lines}content-length: 5\r\n\r\nhello`);
  },
  'two-lengths': ({ request }) => write(request, `${OK}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`),
  'half-a-body': ({ request }) => write(request, `${OK}content-length: 10\r\n\r\nhello`),
  'end-lane': (_, response, { endLane }) => {
    endLane();
    response.end('ended');
  },
};

export function answer(request: IncomingMessage, response: ServerResponse, accomplices: Accomplices): void {
  const [name = '', ...parts] = (request.url ?? '').split('?', 1)[0]?.slice(1).split('/') ?? [];
  const chosen = Object.hasOwn(ANSWERS, name) ? ANSWERS[name] : ANSWERS['ok'];
  chosen?.({ request, parts: parts.map(decodeURIComponent) }, response, accomplices);
}

/** Writes past the server's own framing: `start`, then `again` for as long as somebody reads. */
function write({ socket }: IncomingMessage, start: string, again = ''): void {
  socket.on('error', () => {});
  socket.write(start, 'latin1');
  if (again === '') return;
  const more = () => {
    while (!socket.destroyed && socket.write(again));
  };
  socket.on('drain', more);
  more();
}
