import { expect, it } from 'vitest';
import { Generator } from './fuzz/generate.ts';
import { tryModule } from './fuzz/trial.ts';

it('generated modules behave metered as they do plain, and cost what the naive count says', async () => {
  using generator = await Generator.load();
  let [same, exact] = [0, 0];
  // Fixed seeds: `npm run fuzz -- metering` takes others.
  for (let seed = 1; seed <= 60; seed++) {
    const bytes = generator.generate(seed);
    if (bytes === undefined) continue;
    const trial = tryModule(bytes, seed);
    expect(trial.kind, `seed ${seed}: ${JSON.stringify(trial)}`).not.toBe('differs');
    if (trial.kind !== 'same') continue;
    same++;
    exact += trial.exact;
  }
  expect(same).toBeGreaterThan(30);
  expect(exact).toBeGreaterThan(100);
});
