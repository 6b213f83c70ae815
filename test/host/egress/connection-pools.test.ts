import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { dialTcp } from '../../../src/host/egress/connection.ts';
import { createHttpClient } from '../../../src/host/egress/http-client.ts';
import { createSandbox } from '../../../src/sandbox/sandbox.ts';
import { createGuest, type GuestOptions, grantFor, resolverOf } from '../support/guest.ts';
import { startServer } from '../support/web.ts';

/** A server that tells over which connections it was asked. */
async function startObserved() {
  const sockets = new Set<Socket>();
  const server = await startServer((request, response) => {
    sockets.add(request.socket);
    response.end('hello');
  });
  return { server, sockets, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('open connections', () => {
  it('are used again by the same handler under the same grants, also by its next invocation', async () => {
    await using observed = await startObserved();
    const client = createHttpClient();
    const options = { grants: [grantFor(observed.server.port)], services: { http: client } };
    for (let invocation = 0; invocation < 3; invocation += 1) {
      const guest = createGuest(options);
      expect((await guest({ url: `http://127.0.0.1:${observed.server.port}/` })).body).toBe('hello');
      // The connection is free once undici has come back from reporting the end.
      await nextTurn();
    }
    expect(observed.sockets.size).toBe(1);
    await client.close();
  });

  it.each<[string, (port: number) => GuestOptions]>([
    ['another handler', (port) => ({ handler: 'other', grants: [grantFor(port)] })],
    ['a changed policy', (port) => ({ grants: [grantFor(port, { methods: ['GET', 'POST'] })] })],
    [
      'other private networks',
      (port) => ({ grants: [grantFor(port, { private_networks: ['127.0.0.1/32'] })] }),
    ],
  ])('are not used by %s', async (_, changed) => {
    await using observed = await startObserved();
    const { port } = observed.server;
    const services = { http: createHttpClient() };
    for (const options of [{ grants: [grantFor(port)] }, changed(port)]) {
      expect((await createGuest({ ...options, services })({ url: `http://127.0.0.1:${port}/` })).status).toBe(
        0,
      );
      await nextTurn();
    }
    expect(observed.sockets.size).toBe(2);
    await services.http.close();
  });

  it('are not used when the name has another address by now, and its address is checked', async () => {
    await using observed = await startObserved();
    const { port } = observed.server;
    const answers = [['127.0.0.2'], ['127.0.0.3'], ['10.0.0.1']];
    const dialled: string[] = [];
    const http = createHttpClient({
      resolve: async () => (answers.shift() ?? []).map((address) => ({ address, family: 4 })),
      dial: (address, to, signal) => {
        dialled.push(address);
        return dialTcp('127.0.0.1', to, signal);
      },
    });
    const guest = createGuest({ grants: [grantFor(port, { hosts: ['a.test'] })], services: { http } });
    const codes: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      codes.push((await guest({ url: `http://a.test:${port}/` })).error.code);
      await nextTurn();
    }
    expect(codes).toEqual(['', '', 'ERR_HTTP_ADDRESS']);
    expect(dialled).toEqual(['127.0.0.2', '127.0.0.3']);
    await http.close();
  });

  it('are used again whatever the order in which a resolver gives the same addresses', async () => {
    await using observed = await startObserved();
    const { port } = observed.server;
    const answers = [
      ['127.0.0.1', '127.0.0.2'],
      ['127.0.0.2', '127.0.0.1'],
    ];
    const http = createHttpClient({
      resolve: async () => (answers.shift() ?? []).map((address) => ({ address, family: 4 })),
    });
    const guest = createGuest({ grants: [grantFor(port, { hosts: ['a.test'] })], services: { http } });
    for (let count = 0; count < 2; count += 1) {
      expect((await guest({ url: `http://a.test:${port}/` })).status).toBe(0);
      await nextTurn();
    }
    expect(observed.sockets.size).toBe(1);
    await http.close();
  });

  it('are at most 32 to one place; further requests wait for one', async () => {
    const waiting: (() => void)[] = [];
    let atOnce = 0;
    await using server = await startServer((_, response) => {
      waiting.push(() => response.end('hello'));
      atOnce = Math.max(atOnce, waiting.length);
      if (waiting.length === 32) for (const answer of waiting.splice(0)) answer();
    });
    const options = { grants: [grantFor(server.port)], services: { http: createHttpClient() } };
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => createGuest(options)({ url: `http://127.0.0.1:${server.port}/` })),
    );
    expect(answers.map(({ body }) => body)).toEqual(Array(64).fill('hello'));
    expect(atOnce).toBe(32);
    await options.services.http.close();
  });

  it('are closed when nothing uses them, and with the client', async () => {
    await using observed = await startObserved();
    const { port } = observed.server;
    const http = createHttpClient();
    const options = { grants: [grantFor(port)], services: { http } };
    await createGuest(options)({ url: `http://127.0.0.1:${port}/` });
    await Promise.all([...observed.sockets].map((socket) => once(socket, 'close')));
    await createGuest(options)({ url: `http://127.0.0.1:${port}/` });
    const closed = [...observed.sockets]
      .filter((socket) => !socket.destroyed)
      .map((each) => once(each, 'close'));
    expect(closed).toHaveLength(1);
    await http.close();
    await Promise.all(closed);
    const after = await createGuest(options)({ url: `http://127.0.0.1:${port}/` });
    expect(after.error.code).toBe('ERR_HTTP_FAILED');
  });

  it('end with the sandbox', async () => {
    let closed = 0;
    const close = async () => {
      closed += 1;
    };
    const http = { ...createHttpClient(), close };
    const sandbox = createSandbox({ host: { http, secrets: { get: async () => null } } });
    await sandbox.close();
    expect(closed).toBe(1);
  });

  it('do not keep a request waiting that was answered with a redirect whose body never ends', async () => {
    await using server = await startServer((request, response) => {
      if (request.url === '/end') return void response.end('arrived');
      response.writeHead(302, { location: '/end', 'content-length': '100' });
      response.write('a bit');
    });
    const guest = createGuest({
      grants: [grantFor(server.port, { hosts: ['a.test'] })],
      http: { resolve: resolverOf({ 'a.test': ['127.0.0.1'] }) },
    });
    expect((await guest({ url: `http://a.test:${server.port}/start` })).body).toBe('arrived');
  });
});
