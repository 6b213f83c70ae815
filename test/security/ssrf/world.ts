import type { RequestListener } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { Dial, Resolve } from '../../../src/host/egress/connection.ts';
import { dialTcp } from '../../../src/host/egress/connection.ts';
import { createCertificate } from '../../host/support/certificate.ts';
import { startServer } from '../../host/support/web.ts';
import { COMMON_ZONE, DEAD, type Row, STUCK, type Zone } from './row.ts';
import { respond } from './server.ts';

/*
 * An internet of its own: a resolver and a dialler that record every name and address they are asked for, and serve all of
 * them from loopback. Nothing else opens a connection, so that no packet leaves this machine whatever is asked for.
 */

/** The world as one row meets it. */
export interface Visit {
  readonly resolve: Resolve;
  readonly dial: Dial;
  /** Places that were dialled as `ADDRESS port`, each once, in order. */
  readonly dialled: readonly string[];
}

export interface World extends AsyncDisposable {
  /** The certificate of its servers. */
  readonly ca: string;
  visit(row: Row): Visit;
}

const TLS_PORT = 443;
/** Accepts connections and never says a word. */
const SILENT_PORT = 8443;

export async function startWorld(): Promise<World> {
  const tls = createCertificate('example.test', 'other.test');
  const listener: RequestListener = (request, response) => respond(request, response);
  const plain = await startServer(listener);
  const secure = await startServer(listener, { tls });
  const silent = await startSilent();
  const portOf = (port: number) =>
    port === TLS_PORT ? secure.port : port === SILENT_PORT ? silent.port : plain.port;
  return {
    ca: tls.cert,
    visit: ({ zone }) => visit({ ...COMMON_ZONE, ...zone }, portOf),
    async [Symbol.asyncDispose]() {
      await Promise.all([plain, secure, silent].map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

function visit(zone: Zone, portOf: (port: number) => number): Visit {
  const dialled = new Set<string>();
  const lookups = new Map<string, number>();
  return {
    get dialled() {
      return [...dialled];
    },
    resolve: async (hostname) => {
      if (hostname === 'never-resolved.test') return never();
      const count = lookups.get(hostname) ?? 0;
      lookups.set(hostname, count + 1);
      const answers = zone[hostname] ?? [];
      const answer = answers[Math.min(count, answers.length - 1)] ?? [];
      return answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
    dial: (address, port, signal) => {
      dialled.add(`${address} ${port}`);
      if (address === STUCK) return never();
      if (address === DEAD) return Promise.reject(Object.assign(new Error('dead'), { code: 'ECONNREFUSED' }));
      return dialTcp('127.0.0.1', portOf(port), signal);
    },
  };
}

function never(): Promise<never> {
  return new Promise(() => {});
}

async function startSilent(): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
