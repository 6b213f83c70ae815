import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/** One session that listens for messages and carries what belongs to a session; it is replaced when it is lost. */
export interface Listener {
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly connect: () => Promise<pg.Client>;
  readonly channel: string;
  /** Runs on every new session, before it listens. */
  readonly onSession: (client: pg.Client) => Promise<void>;
  /** A message was announced, or may have been while there was no session. */
  readonly onNotify: () => void;
  /** The session was lost, or could not be opened again yet. */
  readonly onError: (error: unknown) => void;
}

const RECONNECT_FIRST_MS = 100;
const RECONNECT_MAX_MS = 5000;

/** Rejects when the first session cannot be opened; later ones are tried until `close`. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const closing = new AbortController();
  let client = await openSession(options);
  const watched = watch();

  /** Waits for each session's end and opens the next. */
  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      await ended(client);
      if (closing.signal.aborted) return;
      options.onError(new Error('connection terminated: the session that listens for messages was lost'));
      await reconnect();
    }
  }

  async function reconnect(): Promise<void> {
    for (let delayMs = RECONNECT_FIRST_MS; !closing.signal.aborted; delayMs *= 2) {
      await sleep(Math.min(delayMs, RECONNECT_MAX_MS), undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) return;
      try {
        client = await openSession(options);
        options.onNotify();
        return;
      } catch (error) {
        options.onError(error);
      }
    }
  }

  return {
    async close() {
      closing.abort();
      await client.end().catch(() => {});
      await watched;
      // A session that was being opened meanwhile.
      await client.end().catch(() => {});
    },
  };
}

const endings = new WeakMap<pg.Client, Promise<void>>();

/** Resolves when the session is over, also when that was before the call. */
function ended(client: pg.Client): Promise<void> {
  return endings.get(client) ?? Promise.resolve();
}

async function openSession(options: ListenerOptions): Promise<pg.Client> {
  const client = await options.connect();
  endings.set(
    client,
    new Promise((resolve) => {
      client.once('end', () => resolve());
    }),
  );
  client.on('notification', options.onNotify);
  try {
    await options.onSession(client);
    await client.query(`LISTEN ${client.escapeIdentifier(options.channel)}`);
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}
