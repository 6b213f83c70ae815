import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Temporary state folders, removed together with what the server keeps elsewhere. */
export class StateDirs {
  private readonly roots: string[] = [];

  /** A path that does not exist yet, in a folder with the given mode. */
  async create(parentMode = 0o711): Promise<string> {
    const root = await mkdtemp(join(tmpdir(), 'tasker-embedded-test-'));
    await chmod(root, parentMode);
    this.roots.push(root);
    return join(root, 'state');
  }

  async removeAll(): Promise<void> {
    for (const root of this.roots.splice(0)) {
      const home = await homeOf(join(root, 'state'));
      if (home !== null) await rm(home, { recursive: true, force: true });
      await rm(root, { recursive: true, force: true });
    }
  }
}

/** Where the marker says the server's files are, when that is not the state folder. */
export async function homeOf(stateDir: string): Promise<string | null> {
  try {
    const marker = JSON.parse(await readFile(join(stateDir, 'embedded-postgres.json'), 'utf8')) as {
      home?: unknown;
    };
    return typeof marker.home === 'string' ? marker.home : null;
  } catch {
    return null;
  }
}
