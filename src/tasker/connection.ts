import pg from 'pg';
import { BrokerError } from '../errors.ts';
import { databaseError } from './database-error.ts';
import { type TlsSettings, takeTlsSettings } from './tls.ts';

/** What runs a statement: a pool, or one client inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** One PostgreSQL database, with every session in UTC and Tasker's schema first in its search path. */
export interface Database {
  /** `host:port/database`, for messages. */
  readonly name: string;
  readonly pool: pg.Pool;
  /** A session of its own, outside the pool, for LISTEN and session locks. */
  connect(): Promise<pg.Client>;
  /** Runs `body` in one transaction. Rolled back when it rejects. */
  transaction<Result>(body: (client: pg.PoolClient) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/*
 * Tasker's functions and triggers use unqualified names, and its timestamps carry no zone and are compared with NOW().
 * As start-up options these settings also hold for every connection that the pool opens later.
 */
const SETTINGS = '-c search_path=tasker,public -c timezone=UTC';
/** Lets the server notice within half a minute that a broker's machine is gone, and free its locks. */
const KEEPALIVE = '-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';
const SESSION_OPTIONS = `${SETTINGS} ${KEEPALIVE}`;
const TIMESTAMP_WITHOUT_ZONE = 1114;
const POOL_SIZE = 4;
const CONNECT_TIMEOUT_MS = 5000;

/**
 * Opens no connection yet. `databaseUrl`: `postgres://user:password@host:port/database`, with `sslmode` for TLS (docs/database.md).
 * `caFile`: certificates that the server's has to lead to. Throws ERR_CONFIG_INVALID.
 */
export function openDatabase(databaseUrl: string, { caFile = null }: OpenOptions = {}): Database {
  const { url, name, ssl } = sessionUrl(databaseUrl, caFile);
  const config = {
    connectionString: url,
    ssl,
    application_name: 'wasm-broker',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
  };
  const pool = new pg.Pool({ ...config, max: POOL_SIZE });
  // An idle session that the server ends is replaced at the next use; nothing is lost with it.
  pool.on('error', () => {});
  return Object.freeze({
    name,
    pool,
    connect: () => connect(new pg.Client(config), name),
    transaction: <Result>(body: (client: pg.PoolClient) => Promise<Result>) => inTransaction(pool, body),
    close: () => pool.end(),
  });
}

export interface OpenOptions {
  readonly caFile?: string | null;
}

/** The URL with our session options after its own, so that ours win, and without what it says of TLS. */
function sessionUrl(
  databaseUrl: string,
  caFile: string | null,
): { readonly url: string; readonly name: string; readonly ssl: TlsSettings } {
  const url = URL.canParse(databaseUrl) ? new URL(databaseUrl) : null;
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      'expected a database URL such as postgres://user:password@host:5432/database',
    );
  }
  const ssl = takeTlsSettings(url, caFile);
  const own = url.searchParams.get('options');
  url.searchParams.set('options', own === null ? SESSION_OPTIONS : `${own} ${SESSION_OPTIONS}`);
  const host = url.hostname || url.searchParams.get('host') || 'localhost';
  return { url: url.href, ssl, name: `${host}:${url.port || '5432'}${url.pathname}` };
}

async function connect(client: pg.Client, name: string): Promise<pg.Client> {
  // Without a listener a lost connection would be an uncaught exception.
  client.on('error', () => {});
  await client.connect().catch((error: unknown) => Promise.reject(databaseError(error, name)));
  return client;
}

async function inTransaction<Result>(
  pool: pg.Pool,
  body: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  // Between two statements nobody waits for this session; without a listener its loss would be an uncaught exception.
  const ignore = () => {};
  client.on('error', ignore);
  let failure: unknown;
  try {
    await client.query('BEGIN');
    const result = await body(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    failure = error;
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(failure !== undefined);
  }
}

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === TIMESTAMP_WITHOUT_ZONE) return (text: string) => new Date(`${text.replace(' ', 'T')}Z`);
  return pg.types.getTypeParser(oid, format as 'text');
}
