import {
  DEFAULT_DEPTH,
  type FunctionSignature,
  type ModuleDescription,
} from '../../../src/metering/index.ts';
import type { Action, Constant } from './script.ts';
import { spectest } from './spectest.ts';
import { argumentsOf, render } from './values.ts';
import { needsWrapper, wrap } from './wrapper.ts';

/** A module as one world runs it, with the names of what was added. */
export interface Prepared {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly start?: string | undefined;
  readonly fuel?: string | undefined;
  readonly depth?: string | undefined;
}

/** What happened, as text that is the same in every world that behaves the same. */
export interface Observation {
  readonly text: string;
  /** Fuel that all instances of the world used meanwhile. */
  readonly fuel: bigint;
}

interface Member {
  readonly exports: WebAssembly.Exports;
  readonly description: ModuleDescription;
  readonly calls: Map<string, (...args: unknown[]) => unknown>;
  readonly fuel: WebAssembly.Global<'i64'> | undefined;
  readonly depth: WebAssembly.Global<'i32'> | undefined;
}

const PLENTY = 1n << 60n;

/** All instances of one script, prepared one way. */
export class World {
  /** Counters that all instances share, when the modules import them. */
  readonly #fuel = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n);
  readonly #depth = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  readonly #imports: Record<string, WebAssembly.ModuleImports> = {
    spectest: spectest(),
    metering: {
      fuel: this.#fuel,
      depth: this.#depth,
      'denied-grow': new WebAssembly.Global({ value: 'i32', mutable: true }, 0),
    },
  };
  readonly #members = new Map<string, Member>();
  readonly #all: Member[] = [];
  /** Fuel counts down from a budget (metered) or up from 0 (naive). */
  readonly #down: boolean;

  /** An instance ran code and could not be made: what it left in a table uses fuel that nobody can read. */
  lost = false;

  constructor(down: boolean) {
    this.#down = down;
  }

  /** Instantiates under a name. The observation is `ok` or what failed. */
  instantiate(name: string, prepared: Prepared, description: ModuleDescription): Observation {
    this.#refill();
    let added: Member | undefined;
    const text = this.#observe(() => {
      const module = new WebAssembly.Module(prepared.bytes);
      const { exports } = this.#instance(module);
      added = member(exports, prepared, description);
      this.#all.push(added);
      this.#refill();
      if (prepared.start !== undefined) (exports[prepared.start] as () => void)();
      return 'ok';
    });
    if (added && text === 'ok') this.#members.set(name, added);
    return { text, fuel: this.#used() };
  }

  #instance(module: WebAssembly.Module): WebAssembly.Instance {
    try {
      return new WebAssembly.Instance(module, this.#imports);
    } catch (error) {
      // Tables are written and segments copied only where everything links.
      this.lost ||= error instanceof WebAssembly.RuntimeError;
      throw error;
    }
  }

  /** Gives an instance a second name. */
  alias(name: string, second: string): void {
    const found = this.#members.get(name);
    if (found) this.#members.set(second, found);
  }

  register(name: string, as: string): void {
    const found = this.#members.get(name);
    if (found) this.#imports[as] = found.exports as WebAssembly.ModuleImports;
  }

  /** Why the action cannot pass through JavaScript, if it cannot. */
  obstacle(name: string, action: Action): string | undefined {
    const exported = this.#exported(name, action.field);
    if (exported === undefined) return 'no such export';
    if (action.type === 'get')
      return exported.kind === 'global' && exported.type === 'v128' ? 'v128 global' : undefined;
    if (exported.kind !== 'function') return 'no such function';
    if ([...exported.params, ...exported.results].includes('exnref')) return 'exnref outside a module';
    const passable = (action.args ?? []).every((constant) => argumentsOf(constant) !== undefined);
    return passable ? undefined : 'reference that JavaScript cannot make';
  }

  perform(name: string, action: Action, fuel = PLENTY): Observation {
    this.#refill(fuel);
    const text = this.#observe(() =>
      action.type === 'get'
        ? this.#get(name, action.field)
        : this.#invoke(name, action.field, action.args ?? []),
    );
    return { text, fuel: this.#used(fuel) };
  }

  /** Exported memories and numeric globals of all instances, for a last comparison. */
  *state(): Iterable<readonly [label: string, value: Uint8Array | string]> {
    for (const [index, { exports, description }] of this.#all.entries()) {
      for (const { name, kind } of description.exports) {
        const value = exports[name];
        if (kind === 'memory')
          yield [`${index}.${name}`, new Uint8Array((value as WebAssembly.Memory).buffer)];
      }
    }
  }

  #exported(name: string, field: string): ModuleDescription['exports'][number] | undefined {
    return this.#members.get(name)?.description.exports.find((entry) => entry.name === field);
  }

  #get(name: string, field: string): string {
    const global = this.#members.get(name)?.exports[field] as WebAssembly.Global;
    return `global ${Object.is(global.value, -0) ? '-0' : String(global.value)}`;
  }

  #invoke(name: string, field: string, args: readonly Constant[]): string {
    const target = this.#members.get(name);
    const exported = this.#exported(name, field);
    if (target === undefined || exported?.kind !== 'function') throw new Error(`no function ${field}`);
    const call = callOf(target, field, exported);
    const result = call(...args.flatMap((constant) => argumentsOf(constant) ?? []));
    const values = Array.isArray(result) ? result : result === undefined ? [] : [result];
    return renderAll(exported, values);
  }

  #refill(budget = PLENTY): void {
    this.#fuel.value = budget;
    this.#depth.value = DEFAULT_DEPTH;
    for (const { fuel, depth } of this.#all) {
      if (fuel) fuel.value = this.#down ? budget : 0n;
      if (depth) depth.value = DEFAULT_DEPTH;
    }
  }

  #used(budget = PLENTY): bigint {
    let used = budget - this.#fuel.value;
    for (const { fuel } of this.#all) if (fuel) used += this.#down ? budget - fuel.value : fuel.value;
    return used;
  }

  #observe(work: () => string): string {
    try {
      return work();
    } catch (error) {
      if (this.#depth.value < 0) return 'exhaustion';
      if (this.#fuel.value < 0n) return 'out of fuel';
      if (this.#all.some(({ depth }) => depth !== undefined && depth.value < 0)) return 'exhaustion';
      if (this.#down && this.#all.some(({ fuel }) => fuel !== undefined && fuel.value < 0n))
        return 'out of fuel';
      if (error instanceof RangeError && error.message.includes('call stack')) return 'exhaustion';
      if (error instanceof WebAssembly.Exception) return 'exception';
      return error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
    }
  }
}

function member(exports: WebAssembly.Exports, prepared: Prepared, description: ModuleDescription): Member {
  return {
    exports,
    description,
    calls: new Map(),
    fuel: prepared.fuel === undefined ? undefined : (exports[prepared.fuel] as WebAssembly.Global<'i64'>),
    depth: prepared.depth === undefined ? undefined : (exports[prepared.depth] as WebAssembly.Global<'i32'>),
  };
}

function callOf({ exports, calls }: Member, field: string, signature: FunctionSignature) {
  const known = calls.get(field);
  if (known) return known;
  const target = exports[field] as (...args: unknown[]) => unknown;
  const call = needsWrapper(signature) ? wrap(target, signature) : target;
  calls.set(field, call);
  return call;
}

function renderAll({ results }: FunctionSignature, values: readonly unknown[]): string {
  let at = 0;
  return results
    .map((type) => {
      const width = type === 'v128' ? 2 : 1;
      const text = render(type, values.slice(at, at + width));
      at += width;
      return text;
    })
    .join(' ');
}
