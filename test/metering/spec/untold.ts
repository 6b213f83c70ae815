import type { ModuleDescription, ValueType } from '../../../src/metering/index.ts';
import { HEADER, leb } from '../support/binary.ts';
import { Cursor } from '../support/naive-decode.ts';
import type { Action, Constant } from './script.ts';
import { compare, type Verdict } from './verdict.ts';
import type { World } from './world.ts';

/** More than any function of the scripts takes that comes to an end. */
const FUEL = 1_000_000n;

/** The instances of a script that were made, by the number of their module; each world knows them as `#NUMBER`. */
export type Made = ReadonlyMap<number, ModuleDescription>;

/**
 * Calls every exported function once with zeros: many scripts only load a module. Comes after the script, because it
 * changes what later commands would find. Ends at a function that does not: the plain one would run for ever.
 */
export function* callUntold(
  made: Made,
  plain: World,
  metered: World,
  naive: World,
): Iterable<readonly [number: number, place: string, verdict: Verdict]> {
  for (const [number, { exports }] of made) {
    for (const exported of exports) {
      if (exported.kind !== 'function') continue;
      const instance = `#${number}`;
      const args = exported.params.map(zero);
      const action: Action = { type: 'invoke', module: instance, field: exported.name, args };
      if (metered.obstacle(instance, action) !== undefined) continue;
      const observed = metered.perform(instance, action, FUEL);
      if (observed.text === 'out of fuel' || observed.text === 'exhaustion') return;
      const verdict = compare(
        plain.perform(instance, action),
        observed,
        naive.lost ? undefined : naive.perform(instance, action),
      );
      yield [number, `${instance}.${JSON.stringify(exported.name)}`, verdict];
    }
  }
}

const EXPORT_SECTION = 7;

/** A module that exports no function exports all of its own: a script that only loads it says nothing about its code. */
export function exportFunctions(
  bytes: Uint8Array<ArrayBuffer>,
  { imports, exports, sizes }: ModuleDescription,
): Uint8Array<ArrayBuffer> {
  if (sizes.functions === 0 || exports.some(({ kind }) => kind === 'function')) return bytes;
  const first = imports.filter(({ kind }) => kind === 'function').length;
  const added = Array.from({ length: sizes.functions }, (_, index) => {
    const name = new TextEncoder().encode(`untold:${index}`);
    return [name.length, ...name, 0, ...leb(first + index)];
  });
  const sections: number[][] = [];
  const cursor = new Cursor(bytes, HEADER.length);
  let place = 0;
  let items: number[] = [];
  while (cursor.position < bytes.length) {
    const start = cursor.position;
    const id = cursor.byte();
    const end = cursor.number() + cursor.position;
    if (id === EXPORT_SECTION) {
      cursor.number();
      items = [...bytes.subarray(cursor.position, end)];
    } else sections.push([...bytes.subarray(start, end)]);
    // The start section and all that have higher numbers come behind the exports, custom sections anywhere.
    if (id !== 0 && (id < EXPORT_SECTION || id === 13)) place = sections.length;
    cursor.position = end;
  }
  const content = [...leb(exports.length + added.length), ...items, ...added.flat()];
  sections.splice(place, 0, [EXPORT_SECTION, ...leb(content.length), ...content]);
  return Uint8Array.from([...bytes.subarray(0, HEADER.length), ...sections.flat()]);
}

function zero(type: ValueType): Constant {
  if (type === 'v128') return { type, lane_type: 'i64', value: ['0', '0'] };
  return type.endsWith('ref') ? { type } : { type, value: '0' };
}
