import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

/* The servers of the corpus: what each path answers. All but the well-behaved ones write to the socket themselves. */

type Answer = (response: ServerResponse, parts: readonly string[], raw: Raw) => void;

/** Writes as it is, without the server's own framing. */
interface Raw {
  (text: string): void;
  /** Writes `text` again and again for as long as somebody reads. */
  readonly endlessly: (text: string) => void;
  readonly end: (text?: string) => void;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const ZEROS = Buffer.alloc(8 * 1024 * 1024);
/** Small, and 8 MiB when it is unpacked. */
const BOMBS: Readonly<Record<string, () => Buffer>> = {
  gzip: () => gzipSync(ZEROS),
  br: () => brotliCompressSync(ZEROS),
  deflate: () => deflateSync(ZEROS),
  zstd: () => zstdCompressSync(ZEROS),
};

function bombOf(coding: string): Buffer {
  if (coding === 'gzip, gzip') return gzipSync(gzipSync(ZEROS));
  if (coding === 'gzip, br') return brotliCompressSync(gzipSync(ZEROS));
  return (BOMBS[coding.toLowerCase()] ?? BOMBS['gzip'])?.() ?? Buffer.alloc(0);
}

const sendTo = (response: ServerResponse, status: number, location: string) =>
  void response.writeHead(status, { location, 'content-length': '0' }).end();

const ANSWERS: Readonly<Record<string, Answer>> = {
  ok: (response) => void response.end('hello'),
  away: (response) => sendTo(response, 302, '/away/..%2fok'),
  to: (response, [status = '302', location = '']) => sendTo(response, Number(status), location),
  hops: (response, [left = '0']) => {
    if (Number(left) === 0) response.end('hello');
    else sendTo(response, 302, `/hops/${Number(left) - 1}`);
  },

  // slow
  silent: () => {},
  'half-a-status-line': (_response, _parts, raw) => raw('HTTP/1.1 20'),
  'half-a-header': (_response, _parts, raw) => raw(`${OK}x-a: b`),
  'hints-only': (_response, _parts, raw) => raw('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
  'endless-hints': (_response, _parts, raw) =>
    dripping(raw, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
  'half-a-body': (_response, _parts, raw) => raw(`${OK}content-length: 10\r\n\r\nhello`),
  'half-a-chunk': (_response, _parts, raw) => raw(`${OK}transfer-encoding: chunked\r\n\r\nff\r\nhello`),
  'dripping-body': (_response, _parts, raw) => {
    raw(`${OK}content-length: 1000000\r\n\r\n`);
    dripping(raw, 'x');
  },
  hints: (response, [count = '1']) => {
    for (let sent = 0; sent < Number(count); sent += 1)
      response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.end('hello');
  },
  chunks: (response) => {
    for (const chunk of 'hello') response.write(chunk);
    response.end();
  },
  'half-a-redirect': (_response, _parts, raw) =>
    raw('HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 100\r\n\r\na bit'),
  'until-closed': (_response, _parts, raw) => raw.end(`${OK}connection: close\r\n\r\nhello`),

  // large, or larger than it looks
  bomb: (response, [coding = 'gzip']) => {
    response.setHeader('content-encoding', coding);
    response.end(bombOf(coding));
  },
  coded: (response, [coding = '']) => void response.setHeader('content-encoding', coding).end('hello'),
  'gzip-file': (response) =>
    void response.setHeader('content-type', 'application/gzip').end(gzipSync(Buffer.alloc(100))),
  endless: (_response, _parts, raw) => {
    raw(`${OK}connection: close\r\n\r\n`);
    raw.endlessly('x'.repeat(10_000));
  },
  'endless-chunks': (_response, _parts, raw) => {
    raw(`${OK}transfer-encoding: chunked\r\n\r\n`);
    raw.endlessly('1\r\nx\r\n'.repeat(1000));
  },
  announced: (_response, [length = '0'], raw) => raw(`${OK}content-length: ${length}\r\n\r\n`),
  body: (response, [length = '0']) => void response.end('x'.repeat(Number(length))),

  // headers
  headers: (_response, [count = '1', bytes = '10'], raw) => {
    const lines = Array.from({ length: Number(count) }, (_, n) => `x-${n}: ${'y'.repeat(Number(bytes))}\r\n`);
    raw(`${OK}${lines.join('')}content-length: 5\r\n\r\nhello`);
  },
  'endless-header': (_response, _parts, raw) => {
    raw(`${OK}x-a: `);
    raw.endlessly('y'.repeat(10_000));
  },
  'endless-headers': (_response, _parts, raw) => {
    raw(OK);
    raw.endlessly('x-a: y\r\n'.repeat(1000));
  },
  'two-lengths': (_response, _parts, raw) => raw(`${OK}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`),
  'length-and-chunks': (_response, _parts, raw) =>
    raw(`${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
  'nul-in-header': (_response, _parts, raw) => raw(`${OK}x-a: b\0c\r\ncontent-length: 5\r\n\r\nhello`),
  garbage: (_response, _parts, raw) => raw.end('not HTTP at all\r\n\r\n'),
  closed: (_response, _parts, raw) => raw.end(),
  switching: (_response, _parts, raw) =>
    raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
  'proto-header': (_response, _parts, raw) =>
    raw(`${OK}__proto__: x\r\nconstructor: y\r\ncontent-length: 5\r\n\r\nhello`),
};

export function respond(request: IncomingMessage, response: ServerResponse): void {
  const [name = '', ...parts] = (request.url ?? '').split('?', 1)[0]?.slice(1).split('/') ?? [];
  const { socket } = request;
  const write = (text: string) => void socket.write(text, 'latin1');
  const raw = Object.assign(write, {
    endlessly: (text: string) => {
      const more = () => {
        while (!socket.destroyed && socket.write(text));
      };
      socket.on('drain', more);
      more();
    },
    end: (text = '') => void socket.end(text, 'latin1'),
  });
  const answer = ANSWERS[name] ?? ANSWERS['ok'];
  answer?.(response, parts.map(decodeURIComponent), raw);
}

/** Bit by bit for as long as somebody listens. */
function dripping(raw: Raw, text: string): void {
  raw(text);
  const timer = setInterval(() => raw(text), 10);
  timer.unref();
}
