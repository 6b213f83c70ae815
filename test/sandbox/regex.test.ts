import fc from 'fast-check';
import { RE2JS } from 're2js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROGRAM_SIZE_MAX, programBound } from '../../src/sandbox/abi/regex-price.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { compileSource } from '../assemblyscript/compile-source.ts';
import { guest, text } from '../guests/wat.ts';

const SOURCE = `
import { Json, JsonWriter, regexMatch } from "tasker-wasm-broker/assemblyscript";

@handler("matches")
function matches(input: Json): JsonWriter {
  const output = new JsonWriter();
  const found = regexMatch(input.get("pattern").asString(), input.get("text").asString());
  if (found === null) return output.bool(false);
  output.beginArray();
  for (let i = 0; i <= found.groupCount; i++) {
    const group = found.group(i);
    if (group === null) output.bool(false);
    else output.string(group);
  }
  const year = found.named("year");
  if (year !== null) output.string("year " + year);
  return output.endArray();
}`;

let sandbox: Sandbox;
let wasm: Uint8Array;
beforeAll(async () => {
  sandbox = createSandbox();
  ({ wasm } = await compileSource(SOURCE));
});
afterAll(() => sandbox.close());

async function match(pattern: string, subject: string, fuel = 2_000_000_000) {
  const artifact = await sandbox.admit(wasm);
  const outcome = await sandbox.execute(artifact, { input: { pattern, text: subject }, limits: { fuel } });
  return { outcome, found: outcome.kind === 'completed' ? JSON.parse(outcome.output) : null };
}

describe('regex_match', () => {
  it('finds the leftmost match with its groups, named ones too', async () => {
    const { found } = await match('(?P<year>\\d{4})-(\\d\\d)(x)?', 'naïve 2026-11, 2027-01');
    expect(found).toEqual(['2026-11', '2026', '11', false, 'year 2026']);
  });

  it('says that there is none', async () => {
    expect((await match('^b', 'abc')).found).toBe(false);
  });

  it.each([
    ['a group that is not closed', '(a', 'missing closing )'],
    ['a back-reference', '(a)\\1', 'invalid escape sequence'],
    ['a look-ahead', '(?=a)', 'Perl syntax'],
    ['a pattern of more than 1,024 bytes', 'a'.repeat(1025), 'at most 1024 bytes'],
    ['repetitions that multiply', '(?:a{500}){2}'.repeat(20), `at most ${PROGRAM_SIZE_MAX}`],
  ])('ends the step of a guest that gives it %s', async (_, pattern, message) => {
    const { outcome } = await match(pattern, 'a');
    expect(outcome).toMatchObject({ kind: 'failed', code: 'ERR_HOST_CALL_INVALID' });
    expect(outcome.kind === 'failed' && outcome.message).toContain(message);
  });

  it('takes linear time for what other engines take for ever', async () => {
    const { found, outcome } = await match('^(a|aa)+$', `${'a'.repeat(50_000)}b`);
    expect(found).toBe(false);
    expect(outcome.usage.wallMs).toBeLessThan(20_000);
  });

  it('costs fuel by pattern times text, always the same', async () => {
    const fuelOf = async (pattern: string, length: number) =>
      (await match(pattern, 'x'.repeat(length))).outcome.usage.fuel;
    const [small, long, wide] = [
      await fuelOf('a', 1000),
      await fuelOf('a', 100_000),
      await fuelOf('a{50}', 100_000),
    ];
    expect(long / small).toBeGreaterThan(20);
    expect(wide / long).toBeGreaterThan(5);
    expect(await fuelOf('a{50}', 100_000)).toBe(wide);
  });

  it('is not begun where the fuel does not last', async () => {
    const { outcome } = await match('(a|aa)+b'.repeat(50), 'a'.repeat(100_000), 50_000_000);
    expect(outcome).toMatchObject({ kind: 'exhausted', code: 'ERR_LIMIT_FUEL' });
    expect(outcome.usage.wallMs).toBeLessThan(5000);
  });

  it('takes no frame for a match', async () => {
    const { field, args } = text(16, '\u0007\u0000\u0000\u0000abc');
    const call = `(call $regex_match ${args})`;
    const module = guest({ imports: ['regex_match'], fields: field, body: call });
    const outcome = await sandbox.execute(await sandbox.admit(module), { input: '{}' });
    expect(outcome).toMatchObject({
      code: 'ERR_GUEST_RETURN',
      message: 'the handler returned 2; 0 means success',
    });
  });
});

describe('the bound of a program', () => {
  it('is never below what the pattern becomes', () => {
    const atom = fc.constantFrom('a', '.', '\\d', '[a-c(]', '\\(', 'é', '[^)]', '\\)');
    const count = fc.constantFrom('', '*', '+?', '{3}', '{2,7}', '{0,5}', '{4,}');
    const { pattern } = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
      piece: fc.oneof(
        { depthSize: 'small' },
        fc.tuple(atom, count).map(([one, times]) => one + times),
        fc.tuple(tie('pattern'), count).map(([inner, times]) => `(?:${inner})${times}`),
        fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => `(${left}|${right})`),
      ),
      pattern: fc.array(tie('piece'), { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
    }));
    fc.assert(
      fc.property(pattern, (source) => {
        fc.pre(source.length < 200);
        let size = 0;
        try {
          size = RE2JS.compile(source).programSize();
        } catch {
          fc.pre(false);
        }
        // The program starts and ends with instructions of its own.
        expect(size).toBeLessThanOrEqual(programBound(source) + 3);
      }),
      { numRuns: 500 },
    );
  });
});
