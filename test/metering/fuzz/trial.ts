import { createHash } from 'node:crypto';
import {
  DEFAULT_DEPTH,
  describeModule,
  type FunctionSignature,
  type ImportDescription,
  MeteringError,
  type ModuleDescription,
  meter,
  type ValueType,
} from '../../../src/metering/index.ts';
import { render } from '../spec/values.ts';
import { needsWrapper, wrap } from '../spec/wrapper.ts';
import { NAIVE_FUEL, NAIVE_START, naive } from '../support/naive.ts';
import { Random } from './random.ts';

/** More than a generated module takes; mutated ones may never end. */
const FUEL = 3_000_000n;
const PAGES_MAX = 64;

export type Trial =
  | { readonly kind: 'same'; readonly calls: number; readonly exact: number; readonly stopped: number }
  /** Not a module, refused, or of no interest: with the reason. */
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'differs'; readonly detail: string };

interface Names {
  readonly start?: string | undefined;
  readonly fuel?: string | undefined;
  readonly depth?: string | undefined;
}

interface Outcome {
  readonly lines: readonly string[];
  /** Fuel used by each line's call; undefined where there is no counter. */
  readonly fuel: readonly (bigint | undefined)[];
}

/** Runs one module plain, metered and with the naive count, and compares everything that can be seen. */
export function tryModule(bytes: Uint8Array<ArrayBuffer>, seed: number): Trial {
  let metered: ReturnType<typeof meter>;
  try {
    metered = meter(bytes);
  } catch (error) {
    if (error instanceof MeteringError) return { kind: 'skipped', reason: error.code };
    return { kind: 'differs', detail: `meter threw ${String(error)}` };
  }
  const [valid, validMetered] = [WebAssembly.validate(bytes), WebAssembly.validate(metered.bytes)];
  if (valid !== validMetered) return { kind: 'differs', detail: `valid: ${valid}, metered: ${validMetered}` };
  if (!valid) return { kind: 'skipped', reason: 'invalid' };
  const description = describeModule(bytes);
  if (description.memories.some(({ minPages }) => minPages > PAGES_MAX)) {
    return { kind: 'skipped', reason: 'large memory' };
  }
  const { fuelExport: fuel, depthExport: depth, startExport: start } = metered;
  const first = run(metered.bytes, description, seed, { start, fuel, depth }, FUEL);
  if (first.lines.some((line) => line.includes('out of fuel')))
    return { kind: 'skipped', reason: 'too long' };
  const plain = run(bytes, description, seed, {}, FUEL);
  const difference = firstDifference(plain.lines, first.lines);
  if (difference !== undefined) return { kind: 'differs', detail: difference };
  const counted = run(naive(bytes), description, seed, { start: start && NAIVE_START, fuel: NAIVE_FUEL }, 0n);
  return judge(metered.bytes, description, seed, { start, fuel, depth }, first, counted);
}

/** Compares fuel call by call, and stops the longest call one unit short. */
function judge(
  bytes: Uint8Array<ArrayBuffer>,
  description: ModuleDescription,
  seed: number,
  names: Names,
  first: Outcome,
  counted: Outcome,
): Trial {
  let exact = 0;
  let longest = { index: -1, fuel: 0n };
  for (const [index, line] of first.lines.entries()) {
    const [used, expected] = [first.fuel[index] as bigint, counted.fuel[index]];
    if (line.includes(': exhaustion')) break;
    if (!/ = /.test(line)) continue;
    if (expected === undefined || -expected !== used)
      return { kind: 'differs', detail: `${line}: fuel ${used}, counted ${expected}` };
    exact++;
    if (used > longest.fuel) longest = { index, fuel: used };
  }
  let stopped = 0;
  if (longest.fuel > 0n) {
    const short = run(bytes, description, seed, names, FUEL, {
      index: longest.index,
      fuel: longest.fuel - 1n,
    });
    if (!(short.lines[longest.index] ?? '').includes('out of fuel'))
      return { kind: 'differs', detail: `one unit short, yet ${short.lines[longest.index]}` };
    stopped = 1;
  }
  return { kind: 'same', calls: first.lines.length, exact, stopped };
}

function firstDifference(plain: readonly string[], metered: readonly string[]): string | undefined {
  for (let index = 0; index < Math.max(plain.length, metered.length); index++) {
    // How deep the plain module gets is up to the engine, and so is everything after that.
    if (plain[index]?.includes(': exhaustion') && metered[index]?.includes(': exhaustion')) return undefined;
    if (plain[index] !== metered[index]) return `plain: ${plain[index]}; metered: ${metered[index]}`;
  }
  return undefined;
}

/** One fresh instance: every exported function once, in order, and after each call what the host saw and the memories. */
function run(
  bytes: Uint8Array<ArrayBuffer>,
  description: ModuleDescription,
  seed: number,
  names: Names,
  fuel: bigint,
  short?: { readonly index: number; readonly fuel: bigint },
): Outcome {
  const log: string[] = [];
  const lines: string[] = [];
  const used: (bigint | undefined)[] = [];
  const random = new Random(seed);
  let exports: WebAssembly.Exports = {};
  const counter = (): WebAssembly.Global<'i64'> | undefined =>
    names.fuel === undefined ? undefined : (exports[names.fuel] as WebAssembly.Global<'i64'>);
  const step = (label: string, work: () => string): void => {
    const budget = short?.index === lines.length ? short.fuel : fuel;
    const before = counter();
    if (before) before.value = budget;
    const depth = names.depth === undefined ? undefined : (exports[names.depth] as WebAssembly.Global<'i32'>);
    if (depth) depth.value = DEFAULT_DEPTH;
    let text: string;
    try {
      text = ` = ${work()}`;
    } catch (error) {
      text = `: ${failure(error, depth)}`;
    }
    const left = counter()?.value;
    if (names.depth !== undefined && left !== undefined && left < 0n) text = ': out of fuel';
    // Of a plain module that does not get through its start function nothing is there to be seen.
    const isThere = lines.length > 0 || text === ' = ok';
    lines.push(`${label}${text} ${log.splice(0).join(';')} ${isThere ? hash(description, exports) : ''}`);
    used.push(left === undefined ? undefined : budget - left);
  };
  step('instantiate', () => {
    ({ exports } = new WebAssembly.Instance(
      new WebAssembly.Module(bytes),
      imports(description.imports, log),
    ));
    const fresh = counter();
    if (fresh) fresh.value = short?.index === 0 ? short.fuel : fuel;
    if (names.start !== undefined) (exports[names.start] as () => void)();
    return 'ok';
  });
  if (!lines[0]?.startsWith('instantiate = ok')) return { lines, fuel: used };
  // The counter came to be only in the middle of the first step.
  const left = counter()?.value;
  used[0] = left === undefined ? undefined : fuel - left;
  for (const entry of description.exports) {
    if (entry.kind !== 'function' || [...entry.params, ...entry.results].includes('exnref')) continue;
    const target = exports[entry.name] as (...args: unknown[]) => unknown;
    const call = needsWrapper(entry) ? wrap(target, entry) : target;
    const args = entry.params.flatMap((type) => argument(type, random));
    step(`${entry.name}(${args.join()})`, () => renderAll(entry, call(...args)));
  }
  return { lines, fuel: used };
}

function failure(error: unknown, depth: WebAssembly.Global<'i32'> | undefined): string {
  if (depth !== undefined && depth.value < 0) return 'exhaustion';
  if (error instanceof RangeError) return 'exhaustion';
  if (error instanceof WebAssembly.Exception) return 'exception';
  return error instanceof Error ? error.message : String(error);
}

function argument(type: ValueType, random: Random): unknown[] {
  const number = random.below(2) === 0 ? random.below(16) : random.next() | 0;
  if (type === 'i32' || type === 'f32') return [number | 0];
  if (type === 'i64' || type === 'f64') return [BigInt(number)];
  return type === 'v128' ? [BigInt(number), BigInt(random.next())] : [null];
}

function renderAll({ results }: FunctionSignature, result: unknown): string {
  const values: readonly unknown[] = Array.isArray(result) ? result : result === undefined ? [] : [result];
  let at = 0;
  return results
    .map((type) => {
      const width = type === 'v128' ? 2 : 1;
      at += width;
      return render(type, values.slice(at - width, at));
    })
    .join(' ');
}

function hash(description: ModuleDescription, exports: WebAssembly.Exports): string {
  const digest = createHash('sha1');
  for (const { name, kind } of description.exports) {
    if (kind === 'memory' && exports[name])
      digest.update(new Uint8Array((exports[name] as WebAssembly.Memory).buffer));
  }
  return digest.digest('hex').slice(0, 12);
}

function imports(descriptions: readonly ImportDescription[], log: string[]): WebAssembly.Imports {
  const modules: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const entry of descriptions) {
    modules[entry.module] ??= {};
    (modules[entry.module] as Record<string, WebAssembly.ImportValue>)[entry.name] = provide(entry, log);
  }
  return modules;
}

/** Something of the right type. Functions note that they were called and return zeros. */
function provide(entry: ImportDescription, log: string[]): WebAssembly.ImportValue {
  switch (entry.kind) {
    case 'function':
      return (...args: unknown[]) => {
        log.push(
          `${entry.name}(${args.map((value) => (typeof value === 'object' ? 'ref' : String(value))).join()})`,
        );
        const zeros = entry.results.map((type) => (type === 'i64' ? 0n : type.endsWith('ref') ? null : 0));
        return zeros.length > 1 ? zeros : zeros[0];
      };
    case 'memory':
      return new WebAssembly.Memory({ initial: entry.minPages, maximum: entry.maxPages ?? PAGES_MAX });
    case 'table':
      return new WebAssembly.Table({
        element: entry.element === 'funcref' ? 'anyfunc' : 'externref',
        initial: entry.minElements,
        ...(entry.maxElements !== undefined && { maximum: entry.maxElements }),
      });
    case 'global':
      return new WebAssembly.Global(
        { value: entry.type as 'i32', mutable: entry.mutable },
        (entry.type === 'i64' ? 0n : 0) as number,
      );
    default:
      return new WebAssembly.Tag({
        parameters: entry.params as ('i32' | 'i64')[],
      }) as unknown as WebAssembly.ImportValue;
  }
}
