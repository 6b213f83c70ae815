import { type CapabilityName, COMPONENT_ABI, COMPONENT_INTERFACES } from '../../../model/abi.ts';
import { type Refusal, refuse, type Verdict } from '../../../model/verdict.ts';

/** What a component imports of the host. */
export interface ImportedWorld {
  /** Names in `COMPONENT_INTERFACES`. */
  readonly interfaces: readonly string[];
  readonly capabilities: readonly CapabilityName[];
}

const ENTRY = 'export handle: func(input: string) -> result<string, error>;';
const IMPORT = /^import ([^;]+?);?$/;
const KNOWN_IMPORT = /^tasker:catalog\/([a-z-]+)@0\.1\.0$/;

// untrusted: text that was printed from a component, with names of its author's choice
/** Compares a component's world, printed as WIT, with `tasker:catalog/handler`. Exports beside `handle` are not used. */
export function worldOf(wit: string): Verdict<ImportedWorld> {
  const lines = wit.split('\n').map((line) => line.trim());
  const interfaces: string[] = [];
  for (const line of lines) {
    const name = IMPORT.exec(line)?.[1];
    if (name === undefined) continue;
    const known = KNOWN_IMPORT.exec(name)?.[1];
    if (known === undefined || !Object.hasOwn(COMPONENT_INTERFACES, known)) return unknownImport(name);
    interfaces.push(known);
  }
  if (!lines.includes(ENTRY)) return wrongEntry(lines.find((line) => line.startsWith('export handle:')));
  const capabilities = interfaces.flatMap((name) => COMPONENT_INTERFACES[name]?.capability ?? []);
  return { allowed: true, interfaces, capabilities: [...new Set(capabilities)].sort() };
}

function unknownImport(name: string): Refusal {
  const shown = name.slice(0, 120);
  const message = `unknown import ${shown}; a component may import only interfaces of ${COMPONENT_ABI} (wit/handler.wit), and nothing of wasi`;
  return refuse('ERR_IMPORT_UNKNOWN', message, { import: shown });
}

function wrongEntry(got: string | undefined): Refusal {
  const message = `the component must export "${ENTRY}"; got ${got?.slice(0, 200) ?? 'no export of that name'}`;
  return refuse('ERR_EXPORT_MISSING', message, { export: 'handle' });
}
