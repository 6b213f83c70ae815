import http from 'node:http';

/** Carries the name of the broker: a secret of its own, which its boundary puts in. */
export const BROKER_HEADER = 'x-broker';

/** What guests reach outside: it answers every call, and can do something before it does. */
export interface World {
  readonly origin: string;
  readonly port: number;
  /** Runs while the guest waits for its answer. `broker` is the broker that asks for it. */
  onCall: (task: string, broker: string) => Promise<void>;
  close(): Promise<void>;
}

/** Answers `GET /TASK` with a value that the task's other steps hand on. */
export async function startWorld(): Promise<World> {
  const server = http.createServer((request, response) => {
    const task = (request.url ?? '/').slice(1);
    void world.onCall(task, String(request.headers[BROKER_HEADER])).then(() => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ answer: answerFor(task) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const world: World = {
    origin: `http://127.0.0.1:${address.port}`,
    port: address.port,
    onCall: async () => {},
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return world;
}

export function answerFor(task: string): string {
  return `answer to ${task}`;
}
