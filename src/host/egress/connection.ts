import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { untilAborted } from '../until-aborted.ts';
import { sameAddress } from './address.ts';
import { timeoutFailure } from './http-failure.ts';

/** One address of a name. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Opens a connection to an address that has been checked. */
export type Dial = (address: string, port: number, signal: AbortSignal) => Promise<Socket>;

export interface Destination {
  readonly url: URL;
  /** Host without brackets. */
  readonly host: string;
  readonly port: number;
  /** Checked addresses, in the order in which they are tried. */
  readonly addresses: readonly string[];
}

/** The system's resolver, order kept. */
export const resolveByDns: Resolve = (hostname) => lookup(hostname, { all: true, verbatim: true });

/** TCP to exactly this address. The socket has an error listener from its first moment. */
export const dialTcp: Dial = async (address, port, signal) => {
  const socket = connectTcp({ host: address, port, noDelay: true, autoSelectFamily: false });
  socket.on('error', ignore);
  try {
    await once(socket, 'connect', { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  if (!sameAddress(socket.remoteAddress ?? '', address)) {
    socket.destroy();
    throw new Error('connected to another address than the one that was checked');
  }
  return socket;
};

/** A socket to the first address that answers, under TLS where the URL says so, within `timeoutMs`. */
export async function openConnection(
  destination: Destination,
  dial: Dial,
  ca: string | undefined,
  timeoutMs: number,
  closing: AbortSignal,
): Promise<Socket> {
  let failure: unknown = new Error('no address');
  // Each has its share of the time, so that one that never answers leaves some for the next.
  const shareMs = Math.ceil(timeoutMs / destination.addresses.length);
  for (const address of destination.addresses) {
    closing.throwIfAborted();
    const expiry = new AbortController();
    const timer = setTimeout(() => expiry.abort(timeoutFailure('connect')), shareMs);
    try {
      return await connect(destination, address, dial, ca, AbortSignal.any([closing, expiry.signal]));
    } catch (error) {
      failure = expiry.signal.aborted ? expiry.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  }
  throw failure;
}

async function connect(
  { url, host, port }: Destination,
  address: string,
  dial: Dial,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const dialling = dial(address, port, signal);
  discardLate(dialling, signal);
  const socket = await untilAborted(dialling, signal);
  return url.protocol === 'https:' ? secure(socket, host, ca, signal) : socket;
}

/** A dialler that does not heed its signal may still deliver a connection that nobody waits for any more. */
function discardLate(dialling: Promise<Socket>, signal: AbortSignal): void {
  dialling.then((socket) => signal.aborted && socket.destroy(), ignore);
}

async function secure(
  socket: Socket,
  host: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    // The certificate is checked against the name in the URL, never against the address.
    host,
    ...(isIP(host) === 0 && { servername: host }),
    // Said outright: NODE_TLS_REJECT_UNAUTHORIZED must not be able to turn it off.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    ...(ca !== undefined && { ca }),
  });
  secured.on('error', ignore);
  try {
    await once(secured, 'secureConnect', { signal });
  } catch (error) {
    secured.destroy();
    socket.destroy();
    throw error;
  }
  return secured;
}

/** Errors arrive where the connection is used; without a listener a late one would end the process. */
function ignore(): void {}
