import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GrantInput } from '../../src/model/grant.ts';
import { ENDLESS, guest, text } from '../guests/wat.ts';
import * as sources from './guest-sources.ts';

const refusal = text(
  16,
  JSON.stringify({ code: 'order_refused', message: 'the order is refused for good', retryable: false }),
);

interface Guest {
  /** A module, or AssemblyScript that the worker builds when it starts. */
  readonly code: Uint8Array | string;
  readonly capabilities?: readonly GrantInput[];
}

/** Handlers that do what the catalog's do not. */
const GUESTS: Readonly<Record<string, Guest>> = {
  interop_refuse: {
    code: guest({
      imports: ['fail'],
      fields: refusal.field,
      body: `(call $fail ${refusal.args}) (unreachable)`,
    }),
  },
  interop_trap: { code: guest({ body: '(unreachable)' }) },
  interop_endless: { code: ENDLESS },
  interop_split: { code: sources.SPLIT },
  interop_sum: { code: sources.SUM },
  interop_count: { code: sources.COUNT },
  interop_gate: { code: sources.GATE, capabilities: [sources.GATE_GRANT] },
};

export interface GuestFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** A catalog folder with these handlers, as an author would write them. */
export async function createGuestFolder(): Promise<GuestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'interop-guests-'));
  for (const [name, { code, capabilities = [] }] of Object.entries(GUESTS)) {
    const folder = join(path, name);
    const manifest = { name, version: '1.0.0', abi: 'tasker-core/1', description: name, capabilities };
    await mkdir(folder);
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(join(folder, typeof code === 'string' ? 'handler.ts' : 'handler.wasm'), code);
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
