import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BrokerError, messageOf } from '../../errors.ts';

/** What a webhook received. */
export interface Delivery {
  readonly path: string;
  readonly body: unknown;
}

export interface DataServer {
  readonly port: number;
  readonly origin: string;
  /** Webhook deliveries with a valid token, in order. */
  readonly deliveries: readonly Delivery[];
  close(): Promise<void>;
}

export interface DataServerOptions {
  /** The data set as it is sent. */
  readonly movies: Buffer;
  /** What `/thresholds.json` and the webhooks ask for as bearer token. */
  readonly token: string;
  readonly maxInvalid: number;
  /** 0 takes a free one. */
  readonly port: number;
}

const BODY_MAX_BYTES = 1024 * 1024;

/** The outside world of the demo on loopback: a data set, thresholds behind a token, and webhooks. */
export async function startDataServer(options: DataServerOptions): Promise<DataServer> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, response) => {
    answer(request, response, options, deliveries).catch(() => response.destroy());
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    deliveries,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `the demo's data server cannot listen on port ${port}: ${messageOf(error)}`;
      reject(new BrokerError('ERR_ALREADY_RUNNING', message, { cause: error }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: DataServerOptions,
  deliveries: Delivery[],
): Promise<void> {
  const route = `${request.method} ${request.url}`;
  if (route === 'GET /movies.json') return sendJson(response, 200, options.movies);
  if (!isAuthorized(request, options.token))
    return sendJson(response, 401, { error: 'a bearer token is needed' });
  if (route === 'GET /thresholds.json') return sendJson(response, 200, { max_invalid: options.maxInvalid });
  if (request.method === 'POST' && request.url?.startsWith('/hooks/') === true) {
    deliveries.push({ path: request.url, body: JSON.parse(await readBody(request)) });
    return sendJson(response, 202, { accepted: true });
  }
  return sendJson(response, 404, { error: 'no such resource' });
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) throw new Error('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, status: number, body: Buffer | object): void {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
    .end(bytes);
}
