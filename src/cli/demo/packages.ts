import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BrokerError } from '../../errors.ts';

const require = createRequire(import.meta.url);

/** Packages of the demo that are no dependency of the broker, with what resolves to each. */
const DATA_SET = { name: 'vega-datasets', version: '3.2.1', entry: 'vega-datasets' };
const PGMQ = { name: '@electric-sql/pglite-pgmq', version: '0.0.6', entry: '@electric-sql/pglite-pgmq' };

/** Names everything that is missing at once, with the command that brings it. */
export function requireDemoPackages(needsDatabase: boolean): void {
  const missing = (needsDatabase ? [DATA_SET, PGMQ] : [DATA_SET]).filter(({ entry }) => !isInstalled(entry));
  if (missing.length === 0) return;
  const wanted = missing.map(({ name, version }) => `${name}@${version}`).join(' ');
  const message = `the demo needs ${missing.map(({ name }) => name).join(' and ')}; install with: npm install --legacy-peer-deps ${wanted}`;
  throw new BrokerError('ERR_MISSING_DEPENDENCY', message);
}

/** The data set as its package ships it. */
export function readMovies(): Promise<Buffer> {
  // The package exports only its code, which lies in build/; the data lies beside it.
  return readFile(join(dirname(require.resolve(DATA_SET.entry)), '..', 'data', 'movies.json'));
}

function isInstalled(entry: string): boolean {
  try {
    require.resolve(entry);
    return true;
  } catch {
    return false;
  }
}
