import { startServer } from '../host/support/web.ts';

/** The outside world of the suite: a web server on loopback that fails and waits as it is told. */
export interface Origin {
  readonly port: number;
  /** When each request for `path` arrived, in milliseconds since 1970. */
  arrivals(path: string): readonly number[];
  /** Resolves when a request for `path` has arrived. */
  arrived(path: string): Promise<void>;
  /** Answers the requests for `/held/KEY` that have come and those to come. */
  release(key: string): void;
  close(): Promise<void>;
}

/**
 * | path | answer |
 * |---|---|
 * | `/flaky/KEY/N` | 503 to the first N requests, then `{"served":N+1}` |
 * | `/down/KEY` | always 503 |
 * | `/gone/KEY` | always 404 |
 * | `/held/KEY` | `{"held":KEY}`, but not before `release(KEY)` |
 */
export async function startOrigin(): Promise<Origin> {
  const arrivals = new Map<string, number[]>();
  const waiting = new Map<string, (() => void)[]>();
  const released = new Map<string, PromiseWithResolvers<void>>();
  const gate = (key: string): PromiseWithResolvers<void> => {
    const known = released.get(key) ?? Promise.withResolvers<void>();
    released.set(key, known);
    return known;
  };
  const server = await startServer(async (request, response) => {
    const path = request.url ?? '';
    const [, kind = '', key = '', count = '0'] = path.split('/');
    const times = [...(arrivals.get(path) ?? []), Date.now()];
    arrivals.set(path, times);
    for (const resolve of waiting.get(path) ?? []) resolve();
    waiting.delete(path);
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (kind === 'gone') return answer(404, null);
    if (kind === 'held') await gate(key).promise;
    const down = kind === 'down' || (kind === 'flaky' && times.length <= Number(count));
    return down ? answer(503, null) : answer(200, kind === 'held' ? { held: key } : { served: times.length });
  });
  return {
    port: server.port,
    arrivals: (path) => arrivals.get(path) ?? [],
    arrived: (path) =>
      new Promise((resolve) => {
        if (arrivals.has(path)) return resolve();
        waiting.set(path, [...(waiting.get(path) ?? []), resolve]);
      }),
    release: (key) => gate(key).resolve(),
    close: async () => {
      for (const { resolve } of released.values()) resolve();
      await server[Symbol.asyncDispose]();
    },
  };
}
