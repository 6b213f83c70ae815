import { extendVector, SECTION, type Section } from '../sections.ts';
import type { ModuleSkeleton } from '../skeleton.ts';
import { FUNCTION_FORM } from '../types.ts';
import { Writer } from '../writer.ts';

/** A function without locals that the host calls; its body is trusted, not metered. */
export interface AddedFunction {
  readonly name: string;
  /** Value types, as bytes. */
  readonly params: readonly number[];
  readonly results: readonly number[];
  /** Instructions without the closing `end`. */
  readonly write: (out: Writer) => void;
}

/** The sections of a module with exported functions behind its own. */
export function addFunctions(
  module: ModuleSkeleton,
  added: readonly AddedFunction[],
): Map<number, Writer | undefined> {
  const find = (id: number): Section | undefined => module.sections.find((section) => section.id === id);
  const extend = (id: number, write: (out: Writer, item: AddedFunction, index: number) => void) =>
    [
      id,
      extendVector(module.bytes, find(id), added.length, (out) => {
        for (const [index, item] of added.entries()) write(out, item, index);
      }),
    ] as const;
  const FUNCTION = 0;
  return new Map<number, Writer | undefined>([
    extend(SECTION.type, writeType),
    extend(SECTION.function, (out, _, index) => out.u32(module.types.length + index)),
    extend(SECTION.export, (out, { name }, index) => {
      out.name(name);
      out.byte(FUNCTION);
      out.u32(module.functions.length + index);
    }),
    extend(SECTION.code, writeBody),
  ]);
}

function writeType(out: Writer, { params, results }: AddedFunction): void {
  out.byte(FUNCTION_FORM);
  for (const values of [params, results]) {
    out.u32(values.length);
    for (const value of values) out.byte(value);
  }
}

function writeBody(out: Writer, { write }: AddedFunction): void {
  const [NO_LOCALS, END] = [0, 0x0b];
  const body = new Writer(256);
  body.byte(NO_LOCALS);
  write(body);
  body.byte(END);
  out.u32(body.length);
  out.append(body);
}
