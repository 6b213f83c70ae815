import { beforeAll, describe, expect, it } from 'vitest';
import { loadHandler, outputOf } from './catalog-handler.ts';

let run: Awaited<ReturnType<typeof loadHandler>>;
beforeAll(async () => {
  run = await loadHandler('decide');
});

const always = { all: [] };

describe('decide', () => {
  it('takes the first rule that holds, not the best', () => {
    const rules = [
      { when: { path: '$.n', op: 'gt', value: 100 }, steps: ['a'] },
      { when: { path: '$.n', op: 'gt', value: 1 }, steps: ['b', 'c'], reason: 'some' },
      { when: always, steps: ['d'] },
    ];
    expect(outputOf(run({ n: 50 }, { rules }))).toEqual({
      decision_point_outcome: { type: 'create_steps', step_names: ['b', 'c'] },
      rule: 1,
      reason: 'some',
    });
  });

  it('creates no branch for a rule without steps', () => {
    expect(outputOf(run({}, { rules: [{ when: always, steps: [] }] }))).toEqual({
      decision_point_outcome: { type: 'no_branches' },
      rule: 0,
      reason: null,
    });
  });

  it.each([
    [{}, 'config_invalid', 'config.rules: expected array'],
    [{ rules: [1] }, 'config_invalid', 'config.rules[0]: expected object'],
    [
      { rules: [{ when: always, steps: [], otherwise: 1 }] },
      'config_invalid',
      'config.rules[0].otherwise: expected only',
    ],
    [{ rules: [{ when: always }] }, 'config_invalid', 'config steps: expected array'],
    [{ rules: [{ when: always, steps: [1] }] }, 'config_invalid', 'config step name: expected string'],
    [
      { rules: [{ when: always, steps: [] }, { steps: [] }] },
      'condition_unsupported',
      'config.rules[1].when: expected object',
    ],
    [{ rules: [], default: {} }, 'config_invalid', 'config.default: expected only'],
  ])('refuses the configuration %j, also behind a rule that holds', (config, code, message) => {
    expect(run({}, config).failure).toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });
});
