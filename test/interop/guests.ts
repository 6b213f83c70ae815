import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENDLESS, guest, text } from '../guests/wat.ts';

const refusal = text(
  16,
  JSON.stringify({ code: 'order_refused', message: 'the order is refused for good', retryable: false }),
);

/** Handlers that end in ways the catalog's do not. */
const GUESTS: Readonly<Record<string, Uint8Array>> = {
  interop_refuse: guest({
    imports: ['fail'],
    fields: refusal.field,
    body: `(call $fail ${refusal.args}) (unreachable)`,
  }),
  interop_trap: guest({ body: '(unreachable)' }),
  interop_endless: ENDLESS,
};

export interface GuestFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** A catalog folder with these handlers, built as an author would publish them. */
export async function createGuestFolder(): Promise<GuestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'interop-guests-'));
  for (const [name, module] of Object.entries(GUESTS)) {
    const folder = join(path, name);
    const manifest = { name, version: '1.0.0', abi: 'tasker-core/1', description: name, capabilities: [] };
    await mkdir(folder);
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(join(folder, 'handler.wasm'), module);
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
