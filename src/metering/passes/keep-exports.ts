import { type MeterLimits, resolveLimits } from '../limits.ts';
import { parseModule } from '../module.ts';
import { assemble, SECTION } from '../sections.ts';
import { Writer } from '../writer.ts';

/**
 * Removes every export that is not on the list. Names on it that the module does not export do no harm. A pass to run
 * before `meter`, which adds exports of its own. Throws `MeteringError`.
 */
export function keepExports(
  bytes: Uint8Array,
  allowList: Iterable<string>,
  options: { readonly limits?: Partial<MeterLimits> } = {},
): Uint8Array {
  const module = parseModule(bytes, resolveLimits(options.limits));
  const allowed = new Set(allowList);
  const kept = module.exports.filter((entry) => allowed.has(entry.name));
  if (kept.length === module.exports.length) return bytes;
  const content = new Writer();
  content.u32(kept.length);
  for (const entry of kept) content.copy(module.bytes, entry.start, entry.end);
  return assemble(module.bytes, module.sections, new Map([[SECTION.export, content]])).bytes;
}
