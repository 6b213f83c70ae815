import { admitArtifact } from '../src/catalog/admit.ts';
import { DEFAULT_LIMITS, type Limits } from '../src/model/limits.ts';
import type { ModuleMessage } from '../src/sandbox/protocol.ts';
import { CellStore } from '../src/sandbox/worker/cell-store.ts';
import { startInvocation } from '../src/sandbox/worker/invocation.ts';
import type { Workplace } from '../src/sandbox/worker/workplace.ts';

/** One invocation in this thread: the output as text. */
export type InThread = (input: Uint8Array, config: Uint8Array) => string;

/** What the invocations are granted of the calls that are served beside the guest, and under which limits they run. */
export interface ThreadGrants {
  readonly limits?: Limits;
  readonly timeMs?: number;
  readonly logLevel?: number;
}

/** The lane's own code, in this thread: fresh state, counters, limits, imports by the ABI, output copied out. */
export function inThread(bytes: Uint8Array, granted: ThreadGrants = {}): InThread {
  const { manifest: _, digest: __, ...artifact } = admitArtifact(bytes, null, DEFAULT_LIMITS);
  const module: ModuleMessage = { type: 'module', moduleId: 1, forgets: null, ...artifact };
  const workplace: Workplace = {
    cells: new CellStore(),
    callBroker: () => Promise.resolve(null),
    mark: { enter: () => {}, leave: () => {} },
  };
  const decoder = new TextDecoder();
  const { limits = DEFAULT_LIMITS, timeMs = null, logLevel = null } = granted;
  const facts = { limits, timeMs, seed: null, logLevel, mayWait: false };
  const step = new TextEncoder().encode('{}');
  return (input, config) => {
    const message = { type: 'invoke', slot: 0, input, config, step, ...facts } as const;
    const { result } = startInvocation(module, message, workplace);
    if (result instanceof Promise || result.result.kind !== 'returned') {
      throw new Error(`invocation failed: ${JSON.stringify(result)}`);
    }
    return decoder.decode(result.result.output);
  };
}
