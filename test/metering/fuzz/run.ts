/** npm run fuzz -- metering --count N --seed S: random and mutated modules, metered against plain. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BUILTIN_FOLDER } from '../../../src/catalog/load.ts';
import { PROGRAMS } from '../support/programs.ts';
import { Generator } from './generate.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { type Trial, tryModule } from './trial.ts';

/** The generator's program is not made to be called again and again: it leaks, and after an abort it is dead. */
const RENEWAL = 500;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string' }, seed: { type: 'string' } },
});
const [count, seed] = [Number(values.count ?? 200), Number(values.seed ?? Date.now() % 1_000_000)];
if (positionals[0] !== 'metering' || !Number.isInteger(count) || !Number.isInteger(seed)) {
  console.error('npm run fuzz -- metering [--count N] [--seed S]');
  process.exitCode = 2;
} else await fuzz(count, seed);

/** Real modules to mutate: the catalog's handlers and the tests' programs. */
function originals(): Uint8Array[] {
  const handlers = ['transform', 'validate', 'aggregate'].map((name) =>
    readFileSync(`${BUILTIN_FOLDER}/${name}/handler.wasm`),
  );
  return [...handlers, ...PROGRAMS.map(({ bytes }) => bytes)];
}

async function fuzz(wanted: number, firstSeed: number): Promise<void> {
  let generator = await Generator.load();
  const mutable = originals();
  const skipped = new Map<string, number>();
  const totals = { generated: 0, mutated: 0, calls: 0, exact: 0, stopped: 0, differing: 0 };
  for (let at = firstSeed; totals.generated + totals.mutated < wanted; at++) {
    const random = new Random(at);
    // One in four is a mutation; most of those are not valid, and do not count.
    const isMutation = at % 4 === 3;
    const bytes = isMutation
      ? mutate(mutable[random.below(mutable.length)] as Uint8Array, random)
      : generator.generate(at);
    if (bytes === undefined || at % RENEWAL === 0) {
      generator[Symbol.dispose]();
      generator = await Generator.load();
    }
    const trial: Trial = bytes ? tryModule(bytes, at) : { kind: 'skipped', reason: 'not generated' };
    if (trial.kind === 'skipped') skipped.set(trial.reason, (skipped.get(trial.reason) ?? 0) + 1);
    else if (trial.kind === 'differs') {
      totals.differing++;
      console.log(
        `DIFFERS seed ${at} (${isMutation ? 'mutated' : 'generated'}): ${trial.detail.slice(0, 500)}`,
      );
    } else {
      totals[isMutation ? 'mutated' : 'generated']++;
      totals.calls += trial.calls;
      totals.exact += trial.exact;
      totals.stopped += trial.stopped;
    }
    if (at % 5000 === 0) console.log(`seed ${at}: ${JSON.stringify(totals)}`);
  }
  console.log(
    `seeds from ${firstSeed}: ${JSON.stringify({ ...totals, skipped: Object.fromEntries(skipped) })}`,
  );
  process.exitCode = totals.differing === 0 ? 0 : 1;
}
