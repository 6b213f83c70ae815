import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEFAULT_METER_LIMITS,
  describeModule,
  MeteringError,
  type MeterLimits,
  type ModuleDescription,
  meter,
} from '../../../src/metering/index.ts';
import { NAIVE_FUEL, NAIVE_START, naive } from '../support/naive.ts';
import type { Action, Command, Script } from './script.ts';
import { callUntold, exportFunctions } from './untold.ts';
import { compare, type Verdict } from './verdict.ts';
import { type Prepared, World } from './world.ts';

interface Definition {
  readonly description: ModuleDescription;
  readonly plain: Prepared;
  readonly metered: Prepared;
  readonly naive: Prepared;
}

/** The scripts declare memories and tables that no guest would be given. */
const LIMITS: MeterLimits = {
  ...DEFAULT_METER_LIMITS,
  memories: 1000,
  memoryMinPages: 2 ** 48,
  memoryMaxPages: 2 ** 48,
  tableMinElements: 2 ** 32,
  tableMaxElements: Number.MAX_SAFE_INTEGER,
};

const DONE: Verdict = { kind: 'done', fuel: 0n, exact: undefined };
const CURRENT = ' current';

/** Runs one script in three worlds side by side: as published, metered, and with the naive count. */
export class Stage {
  readonly #script: Script;
  /** Scripts that link modules share their counters; in the others each module has its own. */
  readonly #counters: 'own' | 'import';
  readonly #plain = new World(true);
  readonly #metered = new World(true);
  readonly #naive = new World(false);
  readonly #definitions = new Map<string, Definition>();
  /** Instances that could not be made, and names registered for them, with the reason. */
  readonly #missing = new Map<string, string>();
  readonly #missingImports = new Map<string, string>();
  /** The number of the module that each name stands for. */
  readonly #numbers = new Map<string, number>();
  readonly #made = new Map<number, ModuleDescription>();
  modules = 0;
  /** Modules that ran code to its end, each time with the fuel of the naive count. */
  readonly exactModules = new Set<number>();

  constructor(script: Script) {
    this.#script = script;
    // An instance that could not be made can leave functions in a table. Only shared counters reach them.
    const linked = script.commands.some(({ type }) => type === 'register');
    this.#counters = linked ? 'import' : 'own';
  }

  run(command: Command): Verdict {
    switch (command.type) {
      case 'module':
        return this.#module(command);
      case 'module_definition':
        return this.#define(command);
      case 'module_instance':
        return this.#instance(command);
      case 'register':
        return this.#register(command);
      case 'action':
      case 'assert_return':
      case 'assert_trap':
      case 'assert_exhaustion':
      case 'assert_exception':
        return command.action ? this.#action(command, command.action) : this.#failing(command);
      case 'assert_uninstantiable':
      case 'assert_unlinkable':
        return this.#failing(command);
      case 'assert_invalid':
      case 'assert_malformed':
        return this.#refused(command);
      default:
        return { kind: 'skipped', reason: command.type };
    }
  }

  /** Memories that differ after the last command. */
  *differences(): Iterable<string> {
    const metered = new Map(this.#metered.state());
    for (const [label, value] of this.#plain.state()) {
      const other = metered.get(label);
      if (other === undefined || Buffer.compare(value as Uint8Array, other as Uint8Array) !== 0) yield label;
    }
  }

  /** Calls what the script did not call. */
  *untold(): Iterable<readonly [place: string, verdict: Verdict]> {
    const calls = callUntold(this.#made, this.#plain, this.#metered, this.#naive);
    for (const [number, place, verdict] of calls) {
      if (verdict.kind === 'same' && verdict.exact === true) this.exactModules.add(number);
      yield [place, verdict];
    }
  }

  /** Instances with functions of their own, none of which came to its end. */
  get unendedModules(): number {
    const unended = [...this.#made].filter(([number]) => !this.exactModules.has(number));
    return unended.filter(([, { sizes }]) => sizes.functions > 0).length;
  }

  /** Instances without functions of their own. */
  get codelessModules(): number {
    return [...this.#made.values()].filter(({ sizes }) => sizes.functions === 0).length;
  }

  #module(command: Command): Verdict {
    const definition = this.#prepare(command);
    const names = [CURRENT, ...(command.name === undefined ? [] : [command.name])];
    return this.#instantiate(definition, names);
  }

  #define(command: Command): Verdict {
    const definition = this.#prepare(command);
    const name = command.name ?? CURRENT;
    if (typeof definition === 'string') {
      this.#missing.set(name, definition);
      return { kind: 'skipped', reason: definition };
    }
    this.#definitions.set(name, definition);
    return DONE;
  }

  #instance(command: Command): Verdict {
    const name = command.module ?? CURRENT;
    const definition = this.#definitions.get(name) ?? this.#missing.get(name) ?? 'unknown module';
    const names = [CURRENT, ...(command.instance === undefined ? [] : [command.instance])];
    return this.#instantiate(definition, names);
  }

  #instantiate(definition: Definition | string, names: readonly string[]): Verdict {
    const reason = typeof definition === 'string' ? definition : this.#missingImport(definition);
    if (typeof definition === 'string' || reason !== undefined) {
      for (const name of names) this.#missing.set(name, reason ?? '');
      return { kind: 'skipped', reason: reason ?? '' };
    }
    this.modules++;
    const [first = CURRENT, second] = names;
    const { plain, metered, naive } = this.#in3(first, definition);
    const verdict = compare(plain, metered, naive);
    if (verdict.kind === 'differs') return verdict;
    if (plain.text !== 'ok') {
      for (const name of names) this.#missing.set(name, `engine: ${plain.text}`);
      return { kind: 'skipped', reason: `engine: ${plain.text}` };
    }
    for (const name of names) {
      this.#missing.delete(name);
      this.#numbers.set(name, this.modules);
    }
    this.#made.set(this.modules, definition.description);
    for (const world of this.#worlds()) {
      world.alias(first, `#${this.modules}`);
      if (second !== undefined) world.alias(first, second);
    }
    if (metered.fuel > 0n) this.exactModules.add(this.modules);
    return { kind: 'done', fuel: metered.fuel, exact: verdict.exact };
  }

  #in3(name: string, { plain, metered, naive, description }: Definition) {
    return {
      plain: this.#plain.instantiate(name, plain, description),
      metered: this.#metered.instantiate(name, metered, description),
      naive: this.#naive.instantiate(name, naive, description),
    };
  }

  #worlds(): World[] {
    return [this.#plain, this.#metered, this.#naive];
  }

  #missingImport({ description }: Definition): string | undefined {
    for (const entry of description.imports) {
      const reason = this.#missingImports.get(entry.module);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  #register(command: Command): Verdict {
    const name = command.name ?? CURRENT;
    const as = command.as ?? '';
    const reason = this.#missing.get(name);
    if (reason !== undefined) this.#missingImports.set(as, reason);
    else this.#missingImports.delete(as);
    for (const world of this.#worlds()) world.register(name, as);
    return DONE;
  }

  #action(command: Command, action: Action): Verdict {
    const name = action.module ?? CURRENT;
    const reason = this.#missing.get(name) ?? this.#plain.obstacle(name, action);
    if (reason !== undefined) return { kind: 'skipped', reason };
    const plain = this.#plain.perform(name, action);
    const metered = this.#metered.perform(name, action);
    const counted =
      plain.text === 'exhaustion' || this.#naive.lost ? undefined : this.#naive.perform(name, action);
    const verdict = compare(plain, metered, counted, command);
    const number = this.#numbers.get(name);
    if (verdict.kind === 'same' && verdict.exact === true && number !== undefined)
      this.exactModules.add(number);
    return verdict;
  }

  /** A module that validates and then fails to link or to start. */
  #failing(command: Command): Verdict {
    const definition = this.#prepare(command);
    const reason = typeof definition === 'string' ? definition : this.#missingImport(definition);
    if (typeof definition === 'string' || reason !== undefined)
      return { kind: 'skipped', reason: reason ?? '' };
    this.modules++;
    const { plain, metered } = this.#in3(' failing', definition);
    return compare(plain, metered, undefined, command);
  }

  /** Bytes that the engine refuses must not become a module by metering. */
  #refused(command: Command): Verdict {
    if (command.module_type === 'text') return { kind: 'skipped', reason: 'text format' };
    const bytes = this.#read(command);
    if (WebAssembly.validate(bytes)) return { kind: 'skipped', reason: 'engine: takes it' };
    try {
      const { bytes: output } = meter(bytes, { limits: LIMITS });
      if (WebAssembly.validate(output)) return { kind: 'differs', detail: 'refused plain, valid metered' };
    } catch (error) {
      if (!(error instanceof MeteringError)) return { kind: 'differs', detail: String(error) };
    }
    return { kind: 'same', asExpected: true, exact: undefined, fuel: 0n };
  }

  #prepare(command: Command): Definition | string {
    if (command.module_type === 'text') return 'text format';
    const published = this.#read(command);
    const options = { limits: LIMITS, counters: this.#counters };
    try {
      meter(published, options);
    } catch (error) {
      return error instanceof MeteringError ? error.code : `threw ${String(error)}`;
    }
    if (!WebAssembly.validate(published)) return 'engine: does not compile it';
    const bytes = exportFunctions(published, describeModule(published, options));
    const metered = meter(bytes, options);
    const description = describeModule(bytes, options);
    const start = description.start === undefined ? undefined : NAIVE_START;
    return {
      description,
      plain: { bytes },
      metered: {
        bytes: metered.bytes,
        ...(this.#counters === 'own' && { fuel: metered.fuelExport, depth: metered.depthExport }),
        start: metered.startExport,
      },
      naive: { bytes: naive(bytes), fuel: NAIVE_FUEL, start },
    };
  }

  #read(command: Command): Uint8Array<ArrayBuffer> {
    return new Uint8Array(readFileSync(join(this.#script.folder, command.filename ?? '')));
  }
}
