import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import type { Attempt, Launch } from './launch.ts';
import type { EmbeddedPackages } from './packages.ts';

const LINKS_FILE = 'pg-symlinks.json';
/** Paths relative to the package, e.g. `native/lib/libpq.so.5.18` and `native/lib/libpq.so.5`. */
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/** Programs that can be started. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Where the dynamic loader finds the libraries under their short names. */
  readonly libraryPath: string;
}

/**
 * Makes the package's programs runnable for the server's account. The links that its install script would create are
 * made in `home` instead (npm blocks install scripts, and `node_modules` may be read-only). Programs which that
 * account cannot reach are copied to `home`.
 */
export function prepareBinaries(
  packages: EmbeddedPackages,
  home: string,
  launch: Launch,
  tryRun: Attempt,
): Binaries {
  const reachable = tryRun(
    [...launch.prefix, 'test', '-x', join(packages.nativeDir, 'bin', 'postgres')],
    launch.account,
  );
  const nativeDir = reachable ? packages.nativeDir : copyOnce(packages, home);
  const linkDir = join(home, 'lib');
  link(nativeDir, linkDir);
  return {
    initdb: join(nativeDir, 'bin', 'initdb'),
    postgres: join(nativeDir, 'bin', 'postgres'),
    libraryPath: `${linkDir}:${join(nativeDir, 'lib')}`,
  };
}

function copyOnce(packages: EmbeddedPackages, home: string): string {
  const copy = join(home, `postgresql-${packages.version}`);
  if (existsSync(copy)) return copy;
  const draft = `${copy}.partial`;
  rmSync(draft, { recursive: true, force: true });
  const wanted = (path: string): boolean => !path.endsWith('.a');
  cpSync(packages.nativeDir, draft, { recursive: true, verbatimSymlinks: true, filter: wanted });
  renameSync(draft, copy);
  return copy;
}

/** Fills `linkDir` with the short names. Made anew at each start: the package may have moved. */
function link(nativeDir: string, linkDir: string): void {
  rmSync(linkDir, { recursive: true, force: true });
  mkdirSync(linkDir, { mode: 0o755 });
  for (const { source, target } of Links.parse(
    JSON.parse(readFileSync(join(nativeDir, LINKS_FILE), 'utf8')),
  )) {
    const library = join(dirname(nativeDir), source.replace(/^native\//, `${basename(nativeDir)}/`));
    symlinkSync(library, join(linkDir, basename(target)));
  }
}
