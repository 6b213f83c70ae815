import pg from 'pg';
import { sessionConfig } from '../session.ts';

/** A connection that listens on one channel and reconnects when asked. */
export interface Listener {
  /** Connects unless connected. */
  ensure(): Promise<void>;
  close(): Promise<void>;
}

/** Notifications are only a hint and are lost while disconnected: the owner polls as well. */
export function createListener(databaseUrl: string, channel: string, onNotification: () => void): Listener {
  let client: pg.Client | null = null;

  async function connect(): Promise<void> {
    const fresh = new pg.Client(sessionConfig(databaseUrl));
    fresh.on('notification', onNotification);
    fresh.on('error', () => {
      if (client === fresh) client = null;
    });
    await fresh.connect();
    await fresh.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    client = fresh;
  }

  return {
    ensure: async () => {
      if (client === null) await connect();
    },
    close: async () => {
      const last = client;
      client = null;
      await last?.end();
    },
  };
}
