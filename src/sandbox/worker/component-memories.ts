/** Runs in a lane's thread: how the memories of a component share what its invocation may have. */
import type { Limits } from '../../model/limits.ts';
import type { ModuleComponent } from '../protocol.ts';

type Core = ModuleComponent['cores'][number];

export interface CoreMemories {
  readonly byCore: ReadonlyMap<Core, WebAssembly.Memory>;
  /** The one that starts largest, or one that nobody has. */
  readonly main: WebAssembly.Memory;
  /** What all of them have now. */
  bytes(): number;
}

/**
 * New memories for the cores that have one of their own. The one that starts largest may grow by all that the limit
 * leaves; the others keep their size, so that they cannot have more than the limit together.
 */
export function allotMemories(cores: readonly Core[], limits: Limits): CoreMemories {
  const owners = cores.filter(({ memoryMinPages }) => memoryMinPages !== null);
  const pages = ({ memoryMinPages }: Core) => memoryMinPages ?? 0;
  const used = owners.reduce((sum, core) => sum + pages(core), 0);
  const largest = owners.reduce<Core | null>(
    (best, core) => (best === null || pages(core) > pages(best) ? core : best),
    null,
  );
  const byCore = new Map<Core, WebAssembly.Memory>();
  for (const core of owners) {
    const initial = pages(core);
    const room = core === largest ? limits.memory_pages - used : 0;
    const maximum = Math.min(initial + room, core.memoryMaxPages);
    byCore.set(core, new WebAssembly.Memory({ initial, maximum }));
  }
  const main = (largest && byCore.get(largest)) ?? new WebAssembly.Memory({ initial: 0, maximum: 0 });
  const bytes = () => [...byCore.values()].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  return { byCore, main, bytes };
}
