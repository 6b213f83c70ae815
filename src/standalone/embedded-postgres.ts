import { resolve } from 'node:path';
import pg from 'pg';
import { prepareBinaries } from './embedded/binaries.ts';
import { acquireInstanceLock, type InstanceLock } from './embedded/instance-lock.ts';
import { attempt, decideLaunch, type RootMode } from './embedded/launch.ts';
import { checkPlatform, resolvePackages } from './embedded/packages.ts';
import { unpackPgmq } from './embedded/pgmq-files.ts';
import {
  clearPreviousServer,
  initialiseOnce,
  type RunningServer,
  type ServerContext,
  startServer,
} from './embedded/server.ts';
import { createStateDir, openStateFolder, readOrCreatePassword } from './embedded/state-folder.ts';

const UNKNOWN_DATABASE = '3D000';

export interface EmbeddedPostgresOptions {
  /** Folder of this database. Created when missing; used by one process at a time. */
  readonly stateDir: string;
  /** False only for throw-away databases: a crash of the machine may then lose or damage them. */
  readonly durable: boolean;
  /** Told in one line what takes longer than usual, and when the server stops by itself. */
  readonly onNotice?: (notice: string) => void;
  /** How root starts the server; ordinary users need no choice. Default `auto`. */
  readonly rootMode?: RootMode;
}

export interface EmbeddedPostgres {
  /** Connection string of the database `tasker`, with its password. */
  readonly url: string;
  /** True when this start made the database. */
  readonly firstRun: boolean;
  /** Shuts the server down and frees the state folder. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL 18 with the pgmq extension available, from npm packages, on a free port of 127.0.0.1. The server
 * ends with this process, however this process ends.
 *
 * @throws BrokerError ERR_PLATFORM_UNSUPPORTED, ERR_MISSING_DEPENDENCY, ERR_ALREADY_RUNNING, ERR_DATABASE_FOREIGN,
 *   ERR_DATABASE_UNAVAILABLE
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  checkPlatform();
  const packages = resolvePackages();
  const stateDir = resolve(options.stateDir);
  const onNotice = options.onNotice ?? (() => undefined);
  const launch = decideLaunch(options.rootMode);
  createStateDir(stateDir, launch);
  const lock = await acquireInstanceLock(stateDir, onNotice);
  try {
    const folder = openStateFolder(stateDir, launch, attempt);
    const context: ServerContext = {
      folder,
      launch,
      binaries: prepareBinaries(packages, folder.home, launch, attempt),
      durable: options.durable,
      extensionControlPath: unpackPgmq(packages.pgmqArchive, folder.home),
      onNotice,
      onSupervisor: lock.setSupervisor,
    };
    const password = readOrCreatePassword(stateDir);
    await clearPreviousServer(folder.dataDir, onNotice);
    const firstRun = await initialiseOnce(context, password);
    const server = await startServer(context);
    return await opened(server, lock, password, firstRun, onNotice);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function opened(
  server: RunningServer,
  lock: InstanceLock,
  password: string,
  firstRun: boolean,
  onNotice: (notice: string) => void,
): Promise<EmbeddedPostgres> {
  const urlOf = (database: string): string =>
    `postgresql://tasker:${password}@127.0.0.1:${server.port}/${database}`;
  try {
    await ensureDatabase(urlOf('tasker'), urlOf('postgres'));
  } catch (error) {
    await server.process.stop();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  void server.process.exited.then((code) => {
    if (stopping === undefined) onNotice(`the embedded PostgreSQL stopped unexpectedly (exit code ${code})`);
  });
  return Object.freeze({
    url: urlOf('tasker'),
    firstRun,
    stop: () => {
      stopping ??= server.process.stop().finally(() => lock.release());
      return stopping;
    },
  });
}

/** Creates the database unless it is there; an earlier first start may have been killed before it came to this. */
async function ensureDatabase(url: string, maintenanceUrl: string): Promise<void> {
  try {
    await query(url, 'SELECT 1');
  } catch (error) {
    if ((error as { code?: string }).code !== UNKNOWN_DATABASE) throw error;
    await query(maintenanceUrl, 'CREATE DATABASE tasker');
  }
}

async function query(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
