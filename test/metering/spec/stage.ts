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
import type { Action, Command, Constant, Script } from './script.ts';
import { satisfies } from './values.ts';
import { type Observation, type Prepared, World } from './world.ts';

/** What became of one command. `skipped` names the feature or the reason. */
export type Verdict =
  | { readonly kind: 'same'; readonly asExpected: boolean; readonly exact: boolean | undefined }
  | { readonly kind: 'differs'; readonly detail: string }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'done' };

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

const DONE: Verdict = { kind: 'done' };
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
  /** The naive count misses what an instance does that could not be made: its counter is out of reach. */
  #lost = false;
  modules = 0;

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
    const { plain, metered } = this.#in3(first, definition);
    if (plain.text !== metered.text) return compare(plain, metered, undefined);
    if (plain.text !== 'ok') {
      for (const name of names) this.#missing.set(name, `engine: ${plain.text}`);
      return { kind: 'skipped', reason: `engine: ${plain.text}` };
    }
    for (const name of names) this.#missing.delete(name);
    if (second !== undefined) for (const world of this.#worlds()) world.alias(first, second);
    return DONE;
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
    const counted = plain.text === 'exhaustion' || this.#lost ? undefined : this.#naive.perform(name, action);
    return compare(plain, metered, counted, command);
  }

  /** A module that validates and then fails to link or to start. */
  #failing(command: Command): Verdict {
    const definition = this.#prepare(command);
    const reason = typeof definition === 'string' ? definition : this.#missingImport(definition);
    if (typeof definition === 'string' || reason !== undefined)
      return { kind: 'skipped', reason: reason ?? '' };
    this.modules++;
    const { plain, metered } = this.#in3(' failing', definition);
    this.#lost = true;
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
    return { kind: 'same', asExpected: true, exact: undefined };
  }

  #prepare(command: Command): Definition | string {
    if (command.module_type === 'text') return 'text format';
    const bytes = this.#read(command);
    let metered: ReturnType<typeof meter>;
    try {
      metered = meter(bytes, { limits: LIMITS, counters: this.#counters });
    } catch (error) {
      return error instanceof MeteringError ? error.code : `threw ${String(error)}`;
    }
    if (!WebAssembly.validate(bytes)) return 'engine: does not compile it';
    const description = describeModule(bytes, { limits: LIMITS });
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

function compare(
  plain: Observation,
  metered: Observation,
  counted: Observation | undefined,
  command?: Command,
): Verdict {
  if (plain.text !== metered.text) {
    return { kind: 'differs', detail: `plain: ${plain.text}; metered: ${metered.text}` };
  }
  const completed = !/^(\w*Error:|exhaustion|exception|thrown)/.test(plain.text);
  if (counted !== undefined && counted.text !== plain.text) {
    return { kind: 'differs', detail: `plain: ${plain.text}; naive count: ${counted.text}` };
  }
  const exact = counted === undefined || !completed ? undefined : counted.fuel === metered.fuel;
  if (exact === false) {
    return { kind: 'differs', detail: `fuel ${metered.fuel}, expected ${counted?.fuel}` };
  }
  return { kind: 'same', asExpected: command === undefined || expected(plain.text, command), exact };
}

/** Whether the plain module does what the script says: a check of the runner itself. */
function expected(text: string, { type, expected: constants }: Command): boolean {
  switch (type) {
    case 'assert_return': {
      if (text.startsWith('global ')) return true;
      const values = text === '' ? [] : text.split(' ');
      const wanted: readonly Constant[] = constants ?? [];
      return values.length === wanted.length && wanted.every((one, at) => satisfies(values[at] ?? '', one));
    }
    case 'assert_trap':
    case 'assert_uninstantiable':
      return text.startsWith('RuntimeError:');
    case 'assert_unlinkable':
      return text.startsWith('LinkError:') || text.startsWith('TypeError:');
    case 'assert_exhaustion':
      return text === 'exhaustion';
    case 'assert_exception':
      return text === 'exception';
    default:
      return true;
  }
}
