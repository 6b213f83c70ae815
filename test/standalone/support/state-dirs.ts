import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmbeddedPostgres } from '../../../src/standalone/embedded-postgres.ts';

/** Temporary state folders, removed together with what the server keeps elsewhere. */
export class StateDirs {
  private readonly roots: string[] = [];
  private model: Promise<string> | undefined;

  /** A path that does not exist yet, in a folder with the given mode. */
  async create(parentMode = 0o711): Promise<string> {
    const root = await mkdtemp(join(tmpdir(), 'tasker-embedded-test-'));
    await chmod(root, parentMode);
    this.roots.push(root);
    return join(root, 'state');
  }

  /** A state folder with a database in it, as a first run leaves it: copied, because initdb takes a second. */
  async createUsed(): Promise<string> {
    this.model ??= this.makeModel();
    const stateDir = await this.create();
    await cp(await this.model, stateDir, { recursive: true, verbatimSymlinks: true });
    return stateDir;
  }

  private async makeModel(): Promise<string> {
    const stateDir = await this.create();
    await (await startEmbeddedPostgres({ stateDir, durable: false })).stop();
    return stateDir;
  }

  /** Removes the folders made since the last call, except the model. */
  async removeUsed(): Promise<void> {
    const model = await this.model;
    const roots = this.roots.splice(0);
    for (const root of roots) {
      if (join(root, 'state') === model) this.roots.push(root);
      else await this.remove(root);
    }
  }

  async removeAll(): Promise<void> {
    for (const root of this.roots.splice(0)) await this.remove(root);
  }

  private async remove(root: string): Promise<void> {
    const home = await homeOf(join(root, 'state'));
    if (home !== null) await rm(home, { recursive: true, force: true });
    await rm(root, { recursive: true, force: true });
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
