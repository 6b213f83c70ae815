import { MeteringError } from '../errors.ts';
import { type MeterLimits, resolveLimits } from '../limits.ts';
import { parseModule } from '../module.ts';
import { assemble, extendVector, SECTION } from '../sections.ts';
import type { Writer } from '../writer.ts';

/** Writes the export entry of a start function. */
export function writeStartExport(out: Writer, name: string, start: number): void {
  const FUNCTION = 0;
  out.name(name);
  out.byte(FUNCTION);
  out.u32(start);
}

/**
 * Exports the start function under a name instead of running it at instantiation, where no host can set a counter
 * first. A module without one is returned as it is. `meter` does this itself. Throws `MeteringError`.
 */
export function startToExport(
  bytes: Uint8Array,
  options: { readonly name: string; readonly limits?: Partial<MeterLimits> },
): Uint8Array {
  const module = parseModule(bytes, resolveLimits(options.limits));
  const { start } = module;
  if (start === undefined) return bytes;
  if (module.exports.some((entry) => entry.name === options.name)) {
    throw new MeteringError('conflict-reserved-export', `the module already exports '${options.name}'`);
  }
  const exports = module.sections.find((section) => section.id === SECTION.export);
  const content = extendVector(module.bytes, exports, 1, (out) => writeStartExport(out, options.name, start));
  const replaced = new Map<number, Writer | undefined>([
    [SECTION.export, content],
    [SECTION.start, undefined],
  ]);
  return assemble(module.bytes, module.sections, replaced).bytes;
}
