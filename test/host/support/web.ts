import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestCertificate } from './certificate.ts';

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Requests that arrived, with their bodies, as text. */
  readonly requests: readonly ReceivedRequest[];
}

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface TestServerOptions {
  /** Default 127.0.0.1. */
  readonly address?: string;
  readonly port?: number;
  readonly tls?: TestCertificate;
}

/** A server on loopback that records what arrives. */
export async function startServer(
  respond: RequestListener = (_, response) => void response.end('hello'),
  { address = '127.0.0.1', port = 0, tls }: TestServerOptions = {},
): Promise<TestServer> {
  const requests: ReceivedRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      respond(request, response);
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer({ ...tls }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Twins extends AsyncDisposable {
  /** On 127.0.0.2. */
  readonly outside: TestServer;
  /** On 127.0.0.1, at the same port. */
  readonly inside: TestServer;
}

const TWIN_TRIES = 20;

/** Two servers that differ in their address only. A port that is free at one address may be taken at the other. */
export async function startTwins(
  outside: RequestListener | undefined,
  inside: RequestListener,
): Promise<Twins> {
  for (let tries = 1; ; tries += 1) {
    const first = await startServer(outside, { address: '127.0.0.2' });
    try {
      const second = await startServer(inside, { port: first.port });
      return {
        outside: first,
        inside: second,
        async [Symbol.asyncDispose]() {
          await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
        },
      };
    } catch (error) {
      await first[Symbol.asyncDispose]();
      if (tries === TWIN_TRIES || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}
