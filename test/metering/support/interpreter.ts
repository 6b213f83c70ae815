/**
 * The oracle for exact fuel: a small interpreter of its own, which adds up the cost of every instruction it executes.
 * It decodes modules itself and shares nothing with the rewriter but the published numbers. Arithmetic, loads and
 * stores are left to the engine, one instruction at a time.
 */
import { COST_TABLE } from '../../../src/metering/index.ts';
import { cost } from './interpreter-costs.ts';
import { type Body, type DecodedModule, decode, type Instruction, type Value } from './interpreter-decode.ts';
import { callNumeric, grow } from './interpreter-engine.ts';

type HostFunction = (...args: Value[]) => unknown;

/** One instance. `fuel` counts up from 0. */
export class Interpreter {
  fuel = 0;
  readonly memory: WebAssembly.Memory | undefined;
  readonly globals: Value[] = [];
  /** Called after each instruction that may have written to memory. */
  onWrite: () => void = () => {};
  /** Called for each `nop`, the mark of a place that a test looks at. */
  onNop: () => void = () => {};
  /** The functions that are live, innermost last. */
  readonly frames: number[] = [];
  readonly #module: DecodedModule;
  readonly #host: Record<string, Record<string, HostFunction>>;
  readonly #table: (number | null)[];

  constructor(bytes: Uint8Array, host: Record<string, Record<string, HostFunction>> = {}) {
    this.#module = decode(bytes);
    this.#host = host;
    const { memory, table, globals, elements, data } = this.#module;
    if (memory) this.memory = new WebAssembly.Memory({ initial: memory.min, maximum: memory.max ?? 65_536 });
    this.#table = new Array<number | null>(table?.min ?? 0).fill(null);
    for (const global of globals) this.globals.push(this.#constant(global));
    for (const segment of elements) {
      const offset = Number(this.#constant(segment.offset));
      segment.functions.forEach((index, at) => {
        this.#table[offset + at] = index;
      });
    }
    for (const segment of data) {
      new Uint8Array(this.#memory().buffer).set(segment.bytes, Number(this.#constant(segment.offset)));
    }
  }

  /** Runs the start function, if there is one. */
  start(): void {
    if (this.#module.start !== undefined) this.#invoke(this.#module.start, []);
  }

  /** Calls an export; traps throw what the engine would throw. */
  call(name: string, ...args: Value[]): Value[] {
    const index = this.#module.exports.get(name);
    if (index === undefined) throw new Error(`no export ${name}`);
    return this.#invoke(index, args);
  }

  #memory(): WebAssembly.Memory {
    if (!this.memory) throw new Error('no memory');
    return this.memory;
  }

  #constant(code: readonly Instruction[]): Value {
    const stack: Value[] = [];
    for (const { opcode, a, value } of code) {
      if (opcode === 0x23) stack.push(this.globals[a] ?? null);
      else if (opcode !== 0x0b) stack.push(value ?? null);
    }
    return stack.pop() ?? null;
  }

  #invoke(index: number, args: Value[]): Value[] {
    const imported = this.#module.imports[index];
    if (imported) {
      const result = this.#host[imported.module]?.[imported.name]?.(...args);
      return result === undefined ? [] : [result as Value];
    }
    const body = this.#module.bodies[index - this.#module.imports.length];
    if (!body) throw new Error(`no function ${index}`);
    const locals = [...args, ...body.locals.map((zero) => zero)];
    this.fuel += Math.floor(body.locals.length / COST_TABLE.localsPerUnit);
    const live = this.frames.push(index) - 1;
    try {
      return this.#run(body, locals);
    } finally {
      this.frames.length = live;
    }
  }

  /** Runs a body. `labels` holds, for each open block, where a branch to it goes and the stack height it leaves. */
  #run(body: Body, locals: Value[]): Value[] {
    const stack: Value[] = [];
    const labels: { to: number; height: number; arity: number }[] = [
      { to: body.code.length, height: 0, arity: body.results },
    ];
    let at = 0;
    const branch = (label: number): void => {
      const target = labels[labels.length - 1 - label];
      if (!target) throw new Error('bad label');
      const kept = target.arity > 0 ? stack.splice(-target.arity) : [];
      stack.length = target.height;
      stack.push(...kept);
      labels.length -= label + 1;
      at = target.to;
    };
    while (at < body.code.length) {
      const instruction = body.code[at++];
      if (!instruction) break;
      const { opcode, a } = instruction;
      this.fuel += cost(opcode);
      switch (opcode) {
        case 0x00:
          throw new WebAssembly.RuntimeError('unreachable');
        case 0x02:
        case 0x03:
          labels.push({
            // A branch to a loop re-executes its `loop` instruction, which opens the label again.
            to: opcode === 0x02 ? instruction.end + 1 : at - 1,
            height: stack.length - instruction.params,
            arity: opcode === 0x02 ? instruction.results : instruction.params,
          });
          break;
        case 0x04: {
          const height = stack.length - 1 - instruction.params;
          if (pop(stack) === 0) at = instruction.otherwise + 1;
          if (at <= instruction.end)
            labels.push({ to: instruction.end + 1, height, arity: instruction.results });
          break;
        }
        case 0x05:
          at = instruction.end + 1;
          labels.pop();
          break;
        case 0x0b:
          labels.pop();
          break;
        case 0x0c:
          branch(a);
          break;
        case 0x0d:
          if (pop(stack) !== 0) branch(a);
          break;
        case 0x0e: {
          const targets = instruction.targets;
          branch(targets[Math.min(Number(pop(stack)) >>> 0, targets.length - 1)] ?? 0);
          break;
        }
        case 0x0f:
          return stack.splice(-body.results, body.results);
        case 0x10:
        case 0x11:
        case 0x12:
        case 0x13: {
          const callee = opcode % 2 === 0 ? a : this.#resolve(Number(pop(stack)), a);
          const count = this.#module.signature(callee).params;
          if (opcode >= 0x12) this.frames.pop();
          const results = this.#invoke(callee, count > 0 ? stack.splice(-count) : []);
          if (opcode >= 0x12) return results;
          stack.push(...results);
          break;
        }
        default:
          this.#plain(instruction, stack, locals);
      }
    }
    return body.results > 0 ? stack.splice(-body.results) : [];
  }

  #resolve(slot: number, type: number): number {
    const index = this.#table[slot >>> 0];
    if (slot >>> 0 >= this.#table.length) throw new WebAssembly.RuntimeError('table index is out of bounds');
    if (index === null || index === undefined)
      throw new WebAssembly.RuntimeError('function signature mismatch');
    if (this.#module.signature(index).key !== this.#module.typeKey(type)) {
      throw new WebAssembly.RuntimeError('function signature mismatch');
    }
    return index;
  }

  #plain({ opcode, a, b, value }: Instruction, stack: Value[], locals: Value[]): void {
    switch (opcode) {
      case 0x01:
        this.onNop();
        return;
      case 0x1a:
        stack.pop();
        return;
      case 0x1b:
      case 0x1c: {
        const condition = pop(stack);
        const [first, second] = stack.splice(-2);
        stack.push((condition !== 0 ? first : second) ?? null);
        return;
      }
      case 0x20:
        stack.push(locals[a] ?? null);
        return;
      case 0x21:
        locals[a] = pop(stack);
        return;
      case 0x22:
        locals[a] = stack.at(-1) ?? null;
        return;
      case 0x23:
        stack.push(this.globals[a] ?? null);
        return;
      case 0x24:
        this.globals[a] = pop(stack);
        return;
      case 0x3f:
        stack.push(this.#memory().buffer.byteLength / 65_536);
        return;
      case 0x40:
        this.#grow(stack);
        return;
      case 0x41:
      case 0x42:
      case 0x43:
      case 0x44:
        stack.push(value ?? null);
        return;
      default:
        this.#engine(opcode, b, stack);
    }
  }

  #engine(opcode: number, offset: number, stack: Value[]): void {
    const bulk = { 266: 'memory.copy', 267: 'memory.fill' }[opcode] as
      | keyof typeof COST_TABLE.lengths
      | undefined;
    if (bulk) {
      const { multiplier, shift } = COST_TABLE.lengths[bulk];
      this.fuel += Math.floor(((Number(stack.at(-1)) >>> 0) * multiplier) / 2 ** shift);
    }
    callNumeric(opcode, offset, stack, this.memory);
    if (bulk || (opcode >= 0x36 && opcode <= 0x3e)) this.onWrite();
  }

  #grow(stack: Value[]): void {
    const delta = Number(pop(stack)) >>> 0;
    const memory = this.#memory();
    const max = this.#module.memory?.max ?? 65_536;
    if (delta <= max - memory.buffer.byteLength / 65_536)
      this.fuel += delta * COST_TABLE.lengths['memory.grow'].multiplier;
    stack.push(grow(memory, delta));
  }
}

function pop(stack: Value[]): Value {
  const value = stack.pop();
  if (value === undefined) throw new Error('operand stack is empty');
  return value;
}
