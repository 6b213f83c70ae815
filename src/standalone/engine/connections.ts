import pg from 'pg';
import { sessionConfig } from '../session.ts';
import type { Wave } from './context.ts';
import type { EngineEvent, EngineListener } from './events.ts';

/** One for the loop, the others for callers. */
const CONNECTIONS = 5;

/** The engine's connections, and the one way to change something: a wave. */
export interface Connections {
  readonly pool: pg.Pool;
  readonly emit: EngineListener;
  /** The injected time, or null for the database's own clock. */
  readonly nowMs: () => number | null;
  /** Runs `work` in one transaction and reports its events once that is committed. */
  inWave<Result>(work: (wave: Wave) => Promise<Result>): Promise<Result>;
  withClient<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result>;
}

export function openConnections(options: {
  readonly databaseUrl: string;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly onEvent?: EngineListener;
}): Connections {
  const pool = new pg.Pool({ ...sessionConfig(options.databaseUrl), max: CONNECTIONS });
  // An idle connection that breaks is replaced; whoever asks next meets the reason.
  pool.on('error', () => undefined);
  const emit = safely(options.onEvent);
  const nowMs = (): number | null => options.now?.() ?? null;
  const random = options.random ?? Math.random;

  async function withClient<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const client = await pool.connect();
    let broken = false;
    // Without a listener a connection that breaks between two queries would end the process.
    const onError = (): void => {
      broken = true;
    };
    client.on('error', onError);
    try {
      return await work(client);
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  async function inWave<Result>(work: (wave: Wave) => Promise<Result>): Promise<Result> {
    const events: EngineEvent[] = [];
    const result = await withClient(async (client) => {
      await client.query('BEGIN');
      try {
        const done = await work({ client, nowMs: nowMs(), random, events });
        await client.query('COMMIT');
        return done;
      } catch (error) {
        // On a broken connection the server rolls back by itself.
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
    for (const event of events) emit(event);
    return result;
  }

  return { pool, emit, nowMs, inWave, withClient };
}

function safely(listener: EngineListener | undefined): EngineListener {
  return (event) => {
    try {
      listener?.(event);
    } catch {
      // A listener's fault is not the engine's.
    }
  };
}
