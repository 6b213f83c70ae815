import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { BrokerError } from '../../errors.ts';
import type { Attempt, Launch } from './launch.ts';

/** Version of the layout of a state folder. Raise it when an older program must not use the folder. */
export const STATE_FORMAT = 1;
/** The data directory belongs to this major version of PostgreSQL. */
export const POSTGRES_MAJOR = '18';

const MARKER = 'embedded-postgres.json';
const CREATED_BY = 'tasker-wasm-broker';
const Marker = z.object({
  created_by: z.literal(CREATED_BY),
  format: z.int().positive(),
  home: z.string().nullable(),
});

/** Tried in this order when the server's account cannot reach the state folder. */
const HOMES_ELSEWHERE = ['/var/lib', '/var/tmp'];

/** Paths of one embedded database. */
export interface StateFolder {
  readonly stateDir: string;
  /** Where the server's files are: the state folder, or a place that the server's account can reach. */
  readonly home: string;
  readonly dataDir: string;
  readonly logFile: string;
}

/**
 * Creates the folder when needed: for its owner only, except that another account that runs the server may pass.
 *
 * @throws BrokerError ERR_CONFIG_INVALID, ERR_DATABASE_UNAVAILABLE
 */
export function createStateDir(stateDir: string, launch: Launch): void {
  if (stateDir.includes(':')) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      `the state folder ${stateDir} contains ":", which separates paths in PostgreSQL's settings; choose another`,
    );
  }
  try {
    mkdirSync(stateDir, { recursive: true, mode: launch.mode === 'account' ? 0o711 : 0o700 });
    accessSync(stateDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new BrokerError(
      'ERR_DATABASE_UNAVAILABLE',
      `cannot write to the state folder ${stateDir}; run as the user who owns it, or use another folder`,
      { cause: error },
    );
  }
}

/**
 * Opens a state folder, or claims a new one with a marker file.
 *
 * @throws BrokerError ERR_DATABASE_FOREIGN when there is a data directory that this program did not make, or one that
 *   a newer version made
 */
export function openStateFolder(stateDir: string, launch: Launch, tryRun: Attempt): StateFolder {
  const markerFile = join(stateDir, MARKER);
  const marker = existsSync(markerFile) ? readMarker(markerFile) : null;
  if (marker === null && existsSync(join(stateDir, 'pgdata'))) {
    throw foreign(stateDir, `has a folder pgdata, but no ${MARKER}: another program made this database`);
  }
  const home = marker === null ? chooseHome(stateDir, launch, tryRun) : (marker.home ?? stateDir);
  if (home !== stateDir) createHomeElsewhere(home);
  if (marker !== null && !canEnter(home, launch, tryRun)) {
    throw new BrokerError(
      'ERR_DATABASE_UNAVAILABLE',
      `the account that runs PostgreSQL here (uid ${launch.account?.uid ?? launch.owner.uid}) cannot enter ${home},` +
        ' where this database was made; let it pass (chmod o+x on the folder and those above it)',
    );
  }
  if (marker === null) {
    const text = JSON.stringify({
      created_by: CREATED_BY,
      format: STATE_FORMAT,
      home: home === stateDir ? null : home,
    });
    writeFileSync(`${markerFile}.new`, `${text}\n`, { mode: 0o600 });
    renameSync(`${markerFile}.new`, markerFile);
  }
  const dataDir = join(home, 'pgdata');
  checkMajorVersion(stateDir, dataDir);
  return { stateDir, home, dataDir, logFile: join(stateDir, 'postgres.log') };
}

/** The password of the role `tasker`: made once, readable by the owner of the state folder only. */
export function readOrCreatePassword(stateDir: string): string {
  const path = join(stateDir, 'password');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const password = randomBytes(24).toString('base64url');
  writeFileSync(`${path}.new`, `${password}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return password;
}

/** Gives a whole tree to the server's account. Does nothing when the tree's root belongs to it already. */
export function ensureOwner(directory: string, owner: Launch['owner']): void {
  if (lstatSync(directory).uid === owner.uid) return;
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    lchownSync(join(entry.parentPath, entry.name), owner.uid, owner.gid);
  }
  // Last, because it marks the tree as done.
  lchownSync(directory, owner.uid, owner.gid);
}

function readMarker(path: string): z.infer<typeof Marker> {
  let marker: z.infer<typeof Marker>;
  try {
    marker = Marker.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new BrokerError(
      'ERR_DATABASE_FOREIGN',
      `${path} is not a marker of this program; move the folder away, or use another state folder`,
      { cause: error },
    );
  }
  if (marker.format > STATE_FORMAT) {
    throw new BrokerError(
      'ERR_DATABASE_FOREIGN',
      `${path} has format ${marker.format}, this version knows ${STATE_FORMAT}: a newer version made it;` +
        ' use that version, or another state folder',
      { details: { format: marker.format, supported: STATE_FORMAT } },
    );
  }
  return marker;
}

function checkMajorVersion(stateDir: string, dataDir: string): void {
  const file = join(dataDir, 'PG_VERSION');
  if (!existsSync(file)) return;
  const major = readFileSync(file, 'utf8').trim();
  if (major !== POSTGRES_MAJOR) {
    throw foreign(stateDir, `was made by PostgreSQL ${major}, the installed binaries are ${POSTGRES_MAJOR}`);
  }
}

/** The state folder if the server's account can enter it, otherwise a place named after it. */
function chooseHome(stateDir: string, launch: Launch, tryRun: Attempt): string {
  if (canEnter(stateDir, launch, tryRun)) return stateDir;
  const name = `${CREATED_BY}-${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}`;
  for (const parent of HOMES_ELSEWHERE) {
    const home = join(parent, name);
    try {
      createHomeElsewhere(home);
      return home;
    } catch (error) {
      if (error instanceof BrokerError) throw error;
    }
  }
  throw new BrokerError(
    'ERR_DATABASE_UNAVAILABLE',
    `the account that runs PostgreSQL can reach neither ${stateDir} nor a folder in ${HOMES_ELSEWHERE.join(' or ')};` +
      ' use a state folder that other users may enter',
  );
}

function canEnter(directory: string, launch: Launch, tryRun: Attempt): boolean {
  return tryRun([...launch.prefix, 'test', '-x', directory], launch.account);
}

/** Others may enter, only root may write. The parent may be world-writable: what is there already must be ours. */
function createHomeElsewhere(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o755 });
  const stat = lstatSync(home);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) {
    throw new BrokerError(
      'ERR_DATABASE_FOREIGN',
      `${home} exists and is not a folder that only root can write to; remove it`,
    );
  }
}

function foreign(stateDir: string, reason: string): BrokerError {
  return new BrokerError(
    'ERR_DATABASE_FOREIGN',
    `${stateDir} ${reason}; nothing was changed. Move it away, or use another state folder`,
  );
}
