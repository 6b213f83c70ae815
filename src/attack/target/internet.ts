import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dial, dialTcp, type Resolve } from '../../host/egress/connection.ts';
import type { Zone } from '../attack.ts';
import { answer } from './answers.ts';

/*
 * All of the internet on one port of loopback: a resolver that knows the names of an attack, and a dialler that notes
 * every address it is asked for and connects to that port. No packet leaves the machine, whatever an attack asks for.
 */

/** Addresses that are public, as far as attacks go. */
export const PUBLIC = '93.184.215.14';
export const PUBLIC_2 = '93.184.215.15';

/** Names that every attack can use. */
const COMMON_ZONE: Zone = {
  'bound.test': [[PUBLIC]],
  'other.test': [[PUBLIC_2]],
  'private.test': [['10.0.0.1']],
  localhost: [['127.0.0.1']],
};

/** A request as its server got it, in one text. */
export interface Arrival {
  readonly host: string;
  readonly text: string;
}

export interface Internet extends AsyncDisposable {
  readonly resolve: Resolve;
  readonly dial: Dial;
  /** Places that were dialled since `begin`, as `ADDRESS port`, each once. */
  readonly dialled: readonly string[];
  /** Requests that arrived since `begin`. */
  readonly arrivals: readonly Arrival[];
  begin(zone: Zone): void;
}

export async function startInternet(services: { readonly endLane: () => void }): Promise<Internet> {
  const dialled = new Set<string>();
  const arrivals: Arrival[] = [];
  const lookups = new Map<string, number>();
  let zone = COMMON_ZONE;
  const server = createServer(
    recording(arrivals, (request, response) => answer(request, response, services)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    resolve: async (hostname) => {
      const count = lookups.get(hostname) ?? 0;
      lookups.set(hostname, count + 1);
      const answers = zone[hostname] ?? [];
      const addresses = answers[Math.min(count, answers.length - 1)] ?? [];
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
    dial: (address, wanted, signal) => {
      dialled.add(`${address} ${wanted}`);
      return dialTcp('127.0.0.1', port, signal);
    },
    get dialled() {
      return [...dialled];
    },
    arrivals,
    begin(own) {
      zone = { ...COMMON_ZONE, ...own };
      dialled.clear();
      lookups.clear();
      arrivals.length = 0;
    },
    [Symbol.asyncDispose]: () => close(server),
  };
}

/** Notes a request when all of it is there, then lets it be answered. */
function recording(arrivals: Arrival[], respond: RequestListener): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers, rawHeaders } = request;
      const body = Buffer.concat(chunks).toString();
      arrivals.push({
        host: (headers.host ?? '').replace(/:\d+$/, ''),
        text: [method, url, ...rawHeaders, body].join('\n'),
      });
      Object.assign(request, { body });
      respond(request, response);
    });
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
