import fc from 'fast-check';
import { COST_TABLE } from '../../../src/metering/index.ts';
import { wat } from './compile.ts';

/** A function that holds operands while it calls others: `[how, which]`, by index. */
export interface CalledFunction {
  readonly params: number;
  readonly locals: number;
  readonly operands: number;
  readonly calls: readonly (readonly [how: 'direct' | 'indirect' | 'host', callee: number])[];
  /** What it becomes at its end. */
  readonly tail: number | null;
}

const COUNT = 7;

/** Functions that call each other in every way, recursion included. */
export const callGraph: fc.Arbitrary<readonly CalledFunction[]> = fc.array(
  fc.record({
    params: fc.nat(3),
    locals: fc.oneof(fc.nat(4), fc.nat(200)),
    operands: fc.oneof(fc.nat(3), fc.nat(60)),
    calls: fc.array(
      fc.tuple(fc.constantFrom('direct', 'direct', 'direct', 'indirect', 'host'), fc.nat(COUNT - 1)),
      { maxLength: 2 },
    ),
    tail: fc.option(fc.nat(COUNT - 1), { freq: 8 }),
  }),
  { minLength: COUNT, maxLength: COUNT },
);

/** What a frame of the function weighs by docs/metering.md: there are no results, and every value has 8 bytes. */
export function weightOf(functions: readonly CalledFunction[], index: number): number {
  const { params, locals, operands, calls, tail } = functions[index] as CalledFunction;
  const paramsOf = (callee: number): number => functions[callee]?.params ?? 0;
  const heights = calls.map(([how, callee]) => operands + paramsOf(callee) + (how === 'indirect' ? 1 : 0));
  const tallest = Math.max(operands, ...heights, tail === null ? 0 : paramsOf(tail));
  return COST_TABLE.frame.overheadBytes + COST_TABLE.frame.slotBytes * (2 * params + locals + tallest);
}

/** The module, with a `nop` wherever a frame is to be looked at. Host functions come first, one for each function. */
export function moduleOf(functions: readonly CalledFunction[]): Uint8Array<ArrayBuffer> {
  const params = (index: number): string => '(param i64) '.repeat(functions[index]?.params ?? 0);
  const args = (index: number): string => '(i64.const 1) '.repeat(functions[index]?.params ?? 0);
  const call = {
    direct: (callee: number) => `(call $f${callee} ${args(callee)})`,
    host: (callee: number) => `(call $h${callee} ${args(callee)})`,
    indirect: (callee: number) => `(call_indirect ${params(callee)} ${args(callee)} (i32.const ${callee}))`,
  };
  const bodies = functions.map(({ locals, operands, calls, tail }, index) => {
    const steps = calls.map(([how, callee]) => `${call[how](callee)} nop`).join(' ');
    return `(func $f${index} (export "f${index}") ${params(index)} ${'(local i64) '.repeat(locals)} nop
      ${'(i64.const 1) '.repeat(operands)} nop ${steps} ${'drop '.repeat(operands)} nop
      ${tail === null ? '' : `(return_call $f${tail} ${args(tail)})`})`;
  });
  const imports = functions.map(
    (_, index) => `(import "host" "f${index}" (func $h${index} ${params(index)}))`,
  );
  const names = functions.map((_, index) => `$f${index}`).join(' ');
  return wat(`(module ${imports.join(' ')} (table ${functions.length} funcref) (elem (i32.const 0) ${names})
    ${bodies.join('\n')})`);
}
