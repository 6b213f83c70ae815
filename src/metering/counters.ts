import { COST_TABLE } from './cost-table.ts';
import { DEFAULT_DEPTH } from './default-depth.ts';
import { DENIED_GROW_EXPORT, DEPTH_EXPORT, FUEL_EXPORT, RESERVED_MODULE } from './reserved.ts';
import type { ModuleSkeleton } from './skeleton.ts';
import { I32, I64 } from './types.ts';
import type { Writer } from './writer.ts';

/** Where the counters live: in globals of the module itself, or in globals that it imports and shares with others. */
export type CounterPlace = 'own' | 'import';

/** A global that metering adds. */
interface Counter {
  readonly exportName: string;
  readonly importName: string;
  readonly type: number;
  readonly constant: number;
  readonly initial: number;
}

const I32_CONST = 0x41;
const I64_CONST = 0x42;

/** In the order of their indices. Fuel is 0, so that nothing runs before the host sets it. */
const COUNTERS: readonly Counter[] = Object.freeze([
  { exportName: FUEL_EXPORT, importName: 'fuel', type: I64, constant: I64_CONST, initial: 0 },
  { exportName: DEPTH_EXPORT, importName: 'depth', type: I32, constant: I32_CONST, initial: DEFAULT_DEPTH },
  { exportName: DENIED_GROW_EXPORT, importName: 'denied-grow', type: I32, constant: I32_CONST, initial: 0 },
]);

/** The counters that a module gets: the third only where it grows a memory. */
export function countersOf(growsMemory: boolean): readonly Counter[] {
  return growsMemory ? COUNTERS : COUNTERS.slice(0, 2);
}

/** The index of the first counter, and how far the module's own globals move up for it. */
export function placeCounters(
  module: ModuleSkeleton,
  place: CounterPlace,
  growsMemory: boolean,
): { readonly first: number; readonly shift: number } {
  if (place === 'own') return { first: module.globals.length, shift: 0 };
  return { first: module.imported.global, shift: countersOf(growsMemory).length };
}

const MUTABLE = 0x01;

/** Writes counters as definitions. Of the call depth, so much is taken already for what is not counted. */
export function writeCounters(out: Writer, counters: readonly Counter[], uncountedBytes: number): void {
  const END = 0x0b;
  for (const { exportName, type, constant, initial } of counters) {
    out.pair(type, MUTABLE);
    out.byte(constant);
    out.signed(exportName === DEPTH_EXPORT ? initial - uncountedBytes : initial);
    out.byte(END);
  }
}

/** Writes counters as imports. */
export function writeCounterImports(out: Writer, counters: readonly Counter[]): void {
  const GLOBAL = 3;
  for (const { importName, type } of counters) {
    out.name(RESERVED_MODULE);
    out.name(importName);
    out.byte(GLOBAL);
    out.pair(type, MUTABLE);
  }
}

/** Writes the exports of counters whose indices begin with `first`. */
export function writeCounterExports(out: Writer, counters: readonly Counter[], first: number): void {
  const GLOBAL = 3;
  counters.forEach(({ exportName }, index) => {
    out.name(exportName);
    out.byte(GLOBAL);
    out.u32(first + index);
  });
}

/** What instantiation costs: the pages and elements that there are from the start, and the segments copied into them. */
export function initialCost(module: ModuleSkeleton): number {
  const { lengths } = COST_TABLE;
  const sum = (items: readonly { readonly min: number }[], from: number): number =>
    items.slice(from).reduce((total, { min }) => total + min, 0);
  const pages = sum(module.memories, module.imported.memory);
  const elements = sum(module.tables, module.imported.table);
  return (
    pages * lengths['memory.grow'].multiplier +
    elements * lengths['table.grow'].multiplier +
    Math.floor((module.activeBytes * lengths['memory.init'].multiplier) / 2 ** lengths['memory.init'].shift) +
    module.activeItems * lengths['table.init'].multiplier
  );
}
