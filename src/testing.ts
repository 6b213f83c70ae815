/** For tests of handlers and of code around the broker: real parts, no database. */
import { loadHandler } from './catalog/load.ts';
import { effectiveGrants } from './model/attenuate.ts';
import type { Outcome } from './model/outcome.ts';
import { createSandbox, type ExecuteOptions, type SandboxOptions } from './sandbox/sandbox.ts';

export { createMemoryQueue } from './queue/memory.ts';

/**
 * Runs the built handler in `folder` once, in a sandbox of its own: what it may do is what its manifest requests and
 * `options.grants` gives.
 *
 * @example
 * const outcome = await runHandler('handlers-wasm/decide', { input: { total: 3 }, config: { rules: [] } });
 */
export async function runHandler(folder: string, options: ExecuteOptions & SandboxOptions): Promise<Outcome> {
  const sandbox = createSandbox(options);
  try {
    const { artifact } = await loadHandler(folder, sandbox.admit);
    const grants = effectiveGrants(artifact.manifest?.capabilities ?? [], [
      ...(options.grants ?? []),
    ] as never);
    return await sandbox.execute(artifact, { ...options, grants });
  } finally {
    await sandbox.close();
  }
}
