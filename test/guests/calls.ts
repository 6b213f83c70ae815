import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GrantInput } from '../../src/model/grant.ts';
import { guest } from './wat.ts';

/** Makes `calls` requests to its input's position in the path, then writes how many of them succeeded as JSON. */
export function caller(port: number, calls: number, afterwards = ''): Uint8Array {
  const head = JSON.stringify({ method: 'GET', url: `http://127.0.0.1:${port}/` });
  const frame = `\\${head.length.toString(16).padStart(2, '0')}\\00\\00\\00${head.replaceAll('"', '\\22')}`;
  return guest({
    imports: ['http_request', 'output_write'],
    fields: `(data (i32.const 16) "${frame}")`,
    body: `(local $made i32) (local $ok i32)
      (loop $next
        (if (i32.eqz (call $http_request (i32.const 16) (i32.const ${4 + head.length})))
          (then (local.set $ok (i32.add (local.get $ok) (i32.const 1)))))
        (br_if $next (i32.lt_u (local.tee $made (i32.add (local.get $made) (i32.const 1))) (i32.const ${calls}))))
      ${afterwards}
      (i32.store8 (i32.const 0) (i32.add (i32.const 48) (local.get $ok)))
      (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)`,
  });
}

export const callGrant = (port: number): GrantInput => ({
  capability: 'http',
  schemes: ['http'],
  hosts: ['127.0.0.1'],
  ports: [port],
  methods: ['GET'],
  private_networks: ['127.0.0.1/32'],
});

/** A server that answers when it is told to. */
export interface HeldServer {
  readonly port: number;
  /** Requests that arrived. */
  readonly arrived: number;
  /** Resolves when so many requests have arrived. */
  until(arrived: number): Promise<void>;
  /** Answers every request, those of the future too. */
  release(): void;
  close(): Promise<void>;
}

export async function startHeldServer(): Promise<HeldServer> {
  let arrived = 0;
  let released = false;
  const held: (() => void)[] = [];
  const waiting = new Set<() => void>();
  const server: Server = createServer((_, response) => {
    arrived += 1;
    if (released) response.end('{}');
    else held.push(() => response.end('{}'));
    for (const check of [...waiting]) check();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get arrived() {
      return arrived;
    },
    until: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (arrived < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    release() {
      released = true;
      for (const answer of held.splice(0)) answer();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
