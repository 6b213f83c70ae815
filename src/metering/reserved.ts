import { MeteringError } from './errors.ts';
import type { ModuleSkeleton } from './skeleton.ts';

/** Export names that metering adds all begin so. A module of its own with such an export is refused. */
export const RESERVED_PREFIX = 'metering:';

/** Exported mutable i64 global: the fuel that is left. */
export const FUEL_EXPORT = 'metering:fuel';

/** Exported mutable i32 global: the weight in bytes that is left for further frames. */
export const DEPTH_EXPORT = 'metering:depth';

/** Exported mutable i32 global: 1 once a memory.grow was denied. */
export const DENIED_GROW_EXPORT = 'metering:denied-grow';

/** The former start function. */
export const START_EXPORT = 'metering:start';

/** The module that shared counters are imported from. */
export const RESERVED_MODULE = 'metering';

/** Refuses a module that imports from where shared counters come: it would be handed them. */
export function checkReservedImports(module: ModuleSkeleton): void {
  if (!module.imports.some((entry) => entry.module === RESERVED_MODULE)) return;
  throw new MeteringError(
    'conflict-reserved-import',
    `with shared counters, imports from '${RESERVED_MODULE}' are reserved`,
  );
}

/** Refuses a module that exports a reserved name. */
export function checkReservedExports(module: ModuleSkeleton): void {
  const taken = module.exports.find((entry) => entry.name.startsWith(RESERVED_PREFIX));
  if (taken === undefined) return;
  throw new MeteringError(
    'conflict-reserved-export',
    `exports beginning with '${RESERVED_PREFIX}' are reserved`,
    taken.start,
  );
}
