import type { ExportDescription, ModuleDescription } from '../metering/index.ts';
import { ABI, ABI_ENTRY, ABI_MEMORY, type Abi, PLAIN_ABI, PLAIN_ENTRY, PLAIN_EXPORTS } from '../model/abi.ts';
import { type Refusal, refuse, type Verdict } from '../model/verdict.ts';

/** What a core module is by its exports, if it has all that its kind must have, with the right types. */
export function abiOf({ exports }: ModuleDescription): Verdict<{ readonly abi: Abi }> {
  const byName = new Map(exports.map((item) => [item.name, item]));
  const isPlain = byName.has(PLAIN_ENTRY) && !byName.has(ABI_ENTRY);
  const fault = isPlain ? plainFault(byName) : coreFault(byName);
  return fault ?? { allowed: true, abi: isPlain ? PLAIN_ABI : ABI };
}

type Exports = ReadonlyMap<string, ExportDescription>;

function coreFault(exports: Exports): Refusal | null {
  if (exports.get(ABI_MEMORY)?.kind !== 'memory') return memoryMissing();
  const expected = { params: [], results: ['i32'] };
  const got = typeOf(exports.get(ABI_ENTRY));
  if (got === signature(expected)) return null;
  const message = `the module must export a function "${ABI_ENTRY}" of type ${signature(expected)}; got ${got}`;
  return refuse('ERR_EXPORT_MISSING', message, { export: ABI_ENTRY });
}

function plainFault(exports: Exports): Refusal | null {
  if (exports.get(ABI_MEMORY)?.kind !== 'memory') return memoryMissing();
  for (const [name, type] of Object.entries(PLAIN_EXPORTS)) {
    const expected = typeof type === 'string' ? type : signature(type);
    const got = typeOf(exports.get(name));
    if (got === expected) continue;
    const message =
      `a module with "${PLAIN_ENTRY}" is taken for plain AssemblyScript, compiled with --exportRuntime: ` +
      `expected the export "${name}" of type ${expected}, got ${got}`;
    return refuse('ERR_EXPORT_MISSING', message, { export: name });
  }
  return null;
}

function memoryMissing(): Refusal {
  return refuse('ERR_EXPORT_MISSING', `the module must export its memory as "${ABI_MEMORY}"`, {
    export: ABI_MEMORY,
  });
}

function typeOf(item: ExportDescription | undefined): string {
  if (item === undefined) return 'no export of that name';
  if (item.kind === 'function') return signature(item);
  return item.kind === 'global' && !item.mutable ? item.type : item.kind;
}

/** `(i32 i32) -> (i32)` */
export function signature({
  params,
  results,
}: {
  readonly params: readonly string[];
  readonly results: readonly string[];
}): string {
  return `(${params.join(' ')}) -> (${results.join(' ')})`;
}
