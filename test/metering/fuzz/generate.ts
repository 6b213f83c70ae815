import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import vm from 'node:vm';
import { Random } from './random.ts';

const FEATURES = [
  'bulk-memory',
  'multivalue',
  'mutable-globals',
  'nontrapping-float-to-int',
  'reference-types',
  'sign-ext',
  'simd',
  'tail-call',
].map((name) => `--enable-${name}`);

/** Features of every other module: some of these the engine refuses, for a mixture of both kinds of exceptions. */
const MORE = [...FEATURES, '--enable-exception-handling', '--enable-multimemory'];

interface Program {
  callMain(args: string[]): unknown;
}

/**
 * binaryen's generator of valid modules from random bytes (`wasm-opt --translate-to-fuzz`, NaNs made canonical), kept
 * in one process: its command-line program is evaluated once and called for each module.
 */
export class Generator implements Disposable {
  readonly #program: Program;
  readonly #folder = mkdtempSync(join(tmpdir(), 'metering-fuzz-'));

  private constructor(program: Program) {
    this.#program = program;
  }

  static async load(): Promise<Generator> {
    const require = createRequire(import.meta.url);
    const file = join(require.resolve('binaryen'), '../bin/wasm-opt');
    const source = readFileSync(file, 'utf8').replace(/^#!.*\n/, '');
    const loaded = Promise.withResolvers<void>();
    const module = { noInitialRun: true, onRuntimeInitialized: loaded.resolve, printErr: (): void => {} };
    const evaluate = vm.runInThisContext(
      `(function (Module, require, __filename, __dirname) {${source}\n;return { callMain: (args) => callMain(args) };})`,
      { filename: file },
    ) as (...args: unknown[]) => Program;
    const program = evaluate(module, createRequire(file), file, join(file, '..'));
    await loaded.promise;
    return new Generator(program);
  }

  /** The module of a seed, or nothing when the generator gives up. */
  generate(seed: number): Uint8Array<ArrayBuffer> | undefined {
    const random = new Random(seed);
    const [input, output] = [join(this.#folder, 'input'), join(this.#folder, 'output.wasm')];
    writeFileSync(input, random.bytes(200 + random.below(2000)));
    rmSync(output, { force: true });
    const features = seed % 2 === 0 ? FEATURES : MORE;
    try {
      this.#program.callMain(['--translate-to-fuzz', input, '-o', output, '--denan', '-q', ...features]);
      return new Uint8Array(readFileSync(output));
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
