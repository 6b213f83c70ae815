import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findUnstorable, storableFacts } from '../../src/tasker/storable.ts';
import { createFixture, type Fixture } from './fixture.ts';

describe('what PostgreSQL can store', () => {
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await createFixture();
  });

  afterAll(() => fixture.close());

  const accepts = (value: unknown): Promise<boolean> =>
    fixture.query(`SELECT $1::jsonb`, [JSON.stringify(value)]).then(
      () => true,
      () => false,
    );

  it('is what the check lets through, for any text', async () => {
    const unit = fc.constantFrom(
      'a',
      '\u0000',
      '\ud800',
      '\udc00',
      '\u{1F600}',
      '"',
      '\\',
      '\u007f',
      '\uffff',
    );
    const text = fc.array(unit, { maxLength: 4 }).map((units) => units.join(''));
    const value = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.dictionary(text, text, { maxKeys: 3 }));
    await fc.assert(
      fc.asyncProperty(value, async (candidate) => {
        expect(findUnstorable(candidate) === null).toBe(await accepts(candidate));
      }),
      { numRuns: 300 },
    );
  });

  it('ends with a fault instead of a hang or an overflow for values that are no JSON', () => {
    const circle: unknown[] = [];
    circle.push(circle, circle);
    expect(findUnstorable(circle)).toContain('512');
    for (const value of [undefined, () => 1, 1n, Symbol('x'), [undefined]]) {
      expect(findUnstorable(value)).toContain('expected JSON');
    }
  });

  it('is made of facts for operators, at the cost of their wording', () => {
    expect(storableFacts({ fine: [1, 'x'] })).toEqual({ fine: [1, 'x'] });
    expect(storableFacts({ text: ['a\u0000'] })).toEqual({ text: ['a\uFFFD'] });
    expect(storableFacts({ 'key\u0000': 1 })).toEqual({ unstorable: expect.stringContaining('a key') });
    const circle: Record<string, never> = {};
    Object.assign(circle, { circle });
    expect(storableFacts(circle)).toEqual({ unstorable: expect.stringContaining('512') });
  });
});
