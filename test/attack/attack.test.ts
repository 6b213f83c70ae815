import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { type Attack, completed } from '../../src/attack/attack.ts';
import { ATTACKS } from '../../src/attack/attacks.ts';
import { guestText } from '../../src/attack/guests/text.ts';
import type { Patience } from '../../src/attack/patience.ts';
import { readResidualRisks } from '../../src/attack/residual-risks.ts';
import { runAttacks } from '../../src/attack/run-attacks.ts';
import { COMPILERS, requireCompilers } from '../../src/attack/target/assemble.ts';
import { THREATS } from '../../src/attack/threats.ts';
import { wasmBroker } from '../support/wasm-broker.ts';

const read = (file: string) => readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8');
const page = read('SECURITY.md');
const readme = read('README.md');
const threats = new Set<string>(ATTACKS.map(({ threat }) => threat));

describe('the attacks', () => {
  it('have every threat of SECURITY.md, and no other', () => {
    const rows = [...page.matchAll(/^\| ([^|]+) \| [^|]+ \| `([a-z-]+)` \| [^|]+ \|$/gm)];
    const documented = rows.map(([, title = '', id = '']) => [id, title]);
    expect(documented).toEqual(Object.entries(THREATS));
    expect([...threats].sort()).toEqual(Object.keys(THREATS).sort());
  });

  it('have names of their own', () => {
    const ids = ATTACKS.map(({ id }) => id);
    expect(new Set([...ids, ...threats]).size).toBe(ids.length + threats.size);
  });

  it('are as many as SECURITY.md and README.md say', () => {
    expect(page).toContain(`: ${ATTACKS.length} modules, configurations and messages`);
    expect(readme).toContain(`: ${ATTACKS.length} attacks`);
  });

  it('tell an operator something, but for those that the runtime stops inside a process', () => {
    const silent = ATTACKS.filter(({ expect: { metric, event } }) => metric === null && event === null);
    expect(new Set(silent.map(({ by }) => by.kind))).toEqual(new Set(['script']));
  });
});

describe('what builds the attacks', () => {
  const EMPTY = { componentText: '(component)' };
  const elsewhere = pathToFileURL(join(tmpdir(), 'nothing-is-installed-here.ts')).href;

  it('is named with the command that installs it where it is missing', () => {
    expect(() => requireCompilers([EMPTY], elsewhere)).toThrow(
      expect.objectContaining({
        code: 'ERR_MISSING_DEPENDENCY',
        message: expect.stringMatching(
          /assemblyscript and wabt and @bytecodealliance\/jco-transpile; install with: npm install --no-save .*jco-transpile@\d/,
        ),
      }),
    );
  });

  it('is no jco where no component is among them', () => {
    expect(() => requireCompilers([], elsewhere)).toThrow(/^(?!.*jco).*assemblyscript and wabt/);
  });

  it('is named in the versions that this package is tested with', () => {
    const { devDependencies, optionalDependencies } = packageJson;
    const wanted = Object.entries({ ...devDependencies, ...optionalDependencies });
    for (const { name, version } of COMPILERS) expect(wanted).toContainEqual([name, version]);
  });
});

describe('an attack that does not come to an end', () => {
  /** Runs out at once for the first attack, never for what comes then. */
  const shortAtFirst = (): Patience => {
    const waits = [Promise.resolve()];
    return { limitMs: 1234, sleep: () => waits.pop() ?? new Promise(() => {}) };
  };
  const next = ATTACKS.filter(({ id }) => id === 'loop');
  const endless: readonly Attack['by'][] = [
    {
      kind: 'handler',
      module: { wat: guestText({ body: '(loop $again (br $again)) (i32.const 0)' }) },
      limits: { fuel: Number.MAX_SAFE_INTEGER, wall_ms: 600_000 },
    },
    { kind: 'worker', posts: () => [] },
    { kind: 'script', expression: 'new Promise((end) => setTimeout(end, 2 ** 30))' },
  ];

  it.each(endless)('has failed, and the next one has a target of its own: $kind', async (by) => {
    const attack: Attack = { id: 'never', threat: 'endless', tries: 'never end', by, expect: completed() };
    const [first, second] = await runAttacks([attack, ...next], shortAtFirst());
    expect(first?.faults).toContain('took longer than 1234 ms');
    expect(second).toMatchObject({ finished: true, faults: [] });
  });
});

describe('the risks that remain', () => {
  it('stand in SECURITY.md for each tier', async () => {
    const risks = await readResidualRisks();
    expect(risks.map(({ where }) => where)).toEqual(['In both tiers', 'In threads', 'In processes']);
    for (const { risks: own } of risks) expect(own.length).toBeGreaterThanOrEqual(2);
  });
});

describe('wasm-broker attack', () => {
  it('holds off all of them, with a table and the risks that remain', { timeout: 300_000 }, async () => {
    const { code, stdout } = await wasmBroker(['attack', '--all', '--json']);
    const report = JSON.parse(stdout);
    expect(report.results.filter(({ passed }: { passed: boolean }) => !passed)).toEqual([]);
    expect(report).toMatchObject({ attacks: ATTACKS.length, passed: ATTACKS.length, failed: 0 });
    expect(ATTACKS.length).toBeGreaterThanOrEqual(100);
    expect(report.residual_risks).toEqual(await readResidualRisks());
    expect(code).toBe(0);
  });

  it('prints a table for each threat that was asked for, and what remains', async () => {
    const count = ATTACKS.filter(({ threat }) => threat === 'fan-out').length;
    const { code, stdout } = await wasmBroker(['attack', 'fan-out', 'loop']);
    expect(stdout).toContain(`fan-out: denial of service by massive fan-out (${count} of ${count})`);
    expect(stdout).toContain('endless: endless loops, also in a start function (1 of 1)');
    expect(stdout).toMatch(
      /^ok {2}fan-out-decision-many +create more steps than a decision may +ERR_OUTCOME_INVALID$/m,
    );
    expect(stdout).toContain(`${count + 1} of ${count + 1} attacks held off`);
    expect(stdout).toContain('- A bug in V8 that lets WebAssembly escape reaches the broker');
    expect(code).toBe(0);
  });

  it('lists them without running any', async () => {
    const { stdout } = await wasmBroker(['attack', '--list']);
    expect(stdout.trim().split('\n')).toHaveLength(ATTACKS.length + 2);
  });

  it('says what is wrong with a call', async () => {
    expect(await wasmBroker(['attack'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') });
    expect(await wasmBroker(['attack', 'no-such-thing'])).toMatchObject({
      code: 2,
      stderr: 'ERR_USAGE: there is no attack "no-such-thing"; --list lists them\n',
    });
  });
});
