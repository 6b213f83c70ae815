import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { Agent, type Dispatcher, fetch } from 'undici';
import { wat } from '../../guests/wat.ts';
import type { Row } from './row.ts';
import type { Subject } from './subject.ts';
import type { Visit } from './world.ts';

/*
 * What others do, over the same rows in the same world. Each is told the hosts that the row grants; a peer passes where it
 * answers or refuses as expected, for whatever reason, and dials the same places.
 */

/** A peer that has neither answered nor refused after this time hangs, which agrees with nothing. */
const HANGING_MS = 1000;
const HANGS = 'hangs';

const refusesAlike = (answer: string, expected: Row['expect']) =>
  answer !== HANGS && (answer === 'ok') === (expected === 'ok');

/** Sockets of the world for undici, by whatever addresses `lookUp` gives. */
function agentOf(
  { resolve, dial }: Visit,
  ca: string,
  lookUp: (hostname: string) => Promise<readonly string[]> = async (hostname) =>
    (await resolve(hostname)).map(({ address }) => address),
): Agent {
  const connect = async ({
    hostname,
    port,
    protocol,
  }: {
    hostname: string;
    port: string;
    protocol: string;
  }) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const addresses = isIP(host) > 0 ? [host] : await lookUp(host);
    const encrypted = protocol === 'https:';
    const never = new AbortController().signal;
    let failure: unknown = new Error('no address');
    for (const address of addresses) {
      try {
        const socket = await dial(address, Number(port) || (encrypted ? 443 : 80), never);
        return encrypted ? await secure(socket, host, ca) : socket;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
  return new Agent({
    connect: (options, callback) => {
      connect(options as never).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error as Error, null),
      );
    },
    allowH2: false,
  });
}

function secure(socket: Socket, host: string, ca: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = connectTls({ socket, host, ca, ...(isIP(host) === 0 && { servername: host }) }, () =>
      resolve(secured),
    );
    secured.on('error', reject);
  });
}

async function fetched(row: Row, dispatcher: Dispatcher): Promise<string> {
  for (let sent = 0; sent < (row.times ?? 1); sent += 1) {
    const response = await fetch(row.url, {
      method: row.method ?? 'GET',
      dispatcher,
    });
    await response.arrayBuffer();
    if (response.status !== 200) return `status ${response.status}`;
  }
  return 'ok';
}

async function withAgent(agent: Agent, send: () => Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const hangs = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(HANGS), HANGING_MS);
  });
  try {
    const answer = send().catch((error: unknown) => `refused: ${(error as Error).message}`);
    return await Promise.race([answer, hangs]);
  } finally {
    clearTimeout(timer);
    await agent.destroy();
  }
}

const PRIVATE =
  /^(localhost$|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|0\.|\[?::1|\[?f[cd])/i;

const isListed = ({ grant }: Row, url: URL) =>
  (grant?.hosts ?? ['*']).some((host) => host === '*' || host === url.hostname);

/** The wrapper that most code has: look at the name, look the name up, then fetch. */
export const NAIVE: Subject = {
  name: 'check, then fetch',
  agrees: refusesAlike,
  send(row, visit, ca) {
    const agent = agentOf(visit, ca);
    return withAgent(agent, async () => {
      const url = new URL(row.url);
      if (!/^https?:$/.test(url.protocol)) return 'refused: scheme';
      if (!isListed(row, url) || PRIVATE.test(url.hostname)) return 'refused: host';
      const found = isIP(url.hostname.replace(/[[\]]/g, '')) > 0 ? [] : await visit.resolve(url.hostname);
      if (found.some(({ address }) => PRIVATE.test(address))) return 'refused: address';
      return fetched(row, agent);
    });
  },
};

/** undici with the check in `lookup`, which literals never meet. */
export const LOOKUP_GUARD: Subject = {
  name: 'check in lookup',
  agrees: refusesAlike,
  send(row, visit, ca) {
    const agent = agentOf(visit, ca, async (hostname) => {
      const addresses = (await visit.resolve(hostname)).map(({ address }) => address);
      if (addresses.some((address) => PRIVATE.test(address))) throw new Error('private address');
      return addresses;
    });
    return withAgent(agent, async () =>
      isListed(row, new URL(row.url)) ? fetched(row, agent) : 'refused: host',
    );
  },
};

/** A plugin of Extism that requests the URL in its input. */
const EXTISM_PLUGIN = `(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_load (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "http_request" (func $http_request (param i64 i64) (result i64)))
  (import "extism:host/env" "http_status_code" (func $status (result i32)))
  (memory (export "memory") 1)
  (func (export "send") (result i32)
    (local $length i64) (local $at i64) (local $n i64)
    (local.set $length (call $input_length))
    (local.set $at (call $alloc (local.get $length)))
    (loop $copy
      (call $store (i64.add (local.get $at) (local.get $n)) (call $input_load (local.get $n)))
      (local.set $n (i64.add (local.get $n) (i64.const 1)))
      (br_if $copy (i64.lt_u (local.get $n) (local.get $length))))
    (drop (call $http_request (local.get $at) (i64.const 0)))
    (i32.sub (call $status) (i32.const 200))))`;

interface ExtismPlugin {
  call(name: string, input: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Extism's JavaScript SDK, from a folder where somebody has installed `@extism/extism`. */
export async function extismFrom(folder: string): Promise<Subject> {
  const entry = pathToFileURL(`${folder}/node_modules/@extism/extism/dist/esm/mod.js`).href;
  const { createPlugin } = (await import(entry)) as {
    createPlugin(manifest: object, options: object): Promise<ExtismPlugin>;
  };
  const manifest = { wasm: [{ data: new Uint8Array(wat(EXTISM_PLUGIN)) }] };
  return {
    name: 'Extism JS SDK',
    agrees: refusesAlike,
    send(row, visit, ca) {
      const agent = agentOf(visit, ca);
      return withAgent(agent, async () => {
        const instance = await createPlugin(manifest, {
          runInWorker: true,
          allowedHosts: row.grant?.hosts ?? ['*'],
          fetch: (url: string, init: object) => fetch(url, { ...init, dispatcher: agent }),
        });
        try {
          const input = JSON.stringify({ url: row.url, method: row.method ?? 'GET' });
          for (let sent = 0; sent < (row.times ?? 1); sent += 1) await instance.call('send', input);
          return 'ok';
        } finally {
          await instance.close();
        }
      });
    },
  };
}
