import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderConfigurationPage } from '../scripts/configuration-page.ts';
import { FINDINGS } from '../src/check/finding.ts';
import { ERROR_CODES } from '../src/errors.ts';
import { HOST_CALLS } from '../src/host/registry.ts';
import { METERING_ERROR_CODES } from '../src/metering/index.ts';
import { ABI_IMPORTS, COMPONENT_INTERFACES } from '../src/model/abi.ts';
import { Grant } from '../src/model/grant.ts';
import { DEFAULT_LIMITS } from '../src/model/limits.ts';

const ROOT = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const sorted = (names: Iterable<string>) => [...new Set(names)].sort();
const firstColumn = (page: string, shape: RegExp) =>
  sorted([...page.matchAll(/^\| `([^`]+)`/gm)].map((row) => row[1] ?? '').filter((name) => shape.test(name)));

function filesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((item) => {
    const path = `${folder}/${item.name}`;
    if (item.isDirectory()) return filesBelow(path, pattern);
    return pattern.test(item.name) ? [path] : [];
  });
}

describe('docs/errors.md', () => {
  const page = read('docs/errors.md');

  it('has every code and no other', () => {
    expect(firstColumn(page, /^ERR_/)).toEqual(sorted(Object.keys(ERROR_CODES)));
  });

  it('says of every code who has to act, as the code does', () => {
    for (const [code, who] of Object.entries(ERROR_CODES)) expect(page).toContain(`| \`${code}\` | ${who} |`);
  });

  it('has only codes that something produces', () => {
    const sources = [...filesBelow('src', /\.ts$/), ...filesBelow('bin', /\.js$/)]
      .filter((path) => path !== 'src/errors.ts')
      .map(read)
      .join('\n');
    expect(Object.keys(ERROR_CODES).filter((code) => !sources.includes(code))).toEqual([]);
  });

  it('has only codes that a test asserts', () => {
    const tests = filesBelow('test', /\.ts$/)
      .filter((path) => path !== 'test/docs.test.ts')
      .map(read)
      .join('\n');
    expect(Object.keys(ERROR_CODES).filter((code) => !tests.includes(code))).toEqual([]);
  });
});

describe('docs/host-calls.md and docs/abi.md', () => {
  it.each(['docs/host-calls.md', 'docs/abi.md'])('%s documents every import of the ABI', (path) => {
    const page = read(path);
    expect(
      ABI_IMPORTS.filter(({ name }) => !page.includes(`\`${name}`) && !page.includes(`.${name}`)).map(
        ({ name }) => name,
      ),
    ).toEqual([]);
  });

  it('calls that leave the sandbox have one number, here and at the boundary', () => {
    const numbered = ABI_IMPORTS.filter(({ wireNumber }) => wireNumber !== null).map(
      ({ name, wireNumber }) => [name, wireNumber],
    );
    expect(HOST_CALLS.map(({ name, wireNumber }) => [name, wireNumber])).toEqual(numbered);
  });
});

describe('wit/handler.wit', () => {
  it('has the interfaces and functions that the host links, and no other', () => {
    const found = [...read('wit/handler.wit').matchAll(/^interface ([a-z-]+) \{([\s\S]*?)^\}/gm)].map(
      ([, name = '', body = '']) => [
        name,
        [...body.matchAll(/^ {2}([a-z-]+): func/gm)].map((match) => match[1]),
      ],
    );
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(
        Object.entries(COMPONENT_INTERFACES).map(([name, { functions }]) => [name, functions]),
      ),
    );
    const page = read('docs/abi.md');
    for (const [name, { functions }] of Object.entries(COMPONENT_INTERFACES)) {
      if (functions.length > 0)
        expect(page).toContain(`| \`${name}\` | ${functions.map((item) => `\`${item}\``).join(', ')} |`);
    }
  });
});

describe('docs/host-calls.md', () => {
  const page = read('docs/host-calls.md');
  const section = (title: string) =>
    page.split(/^## /m).find((part) => part.split('\n', 1)[0]?.includes(title)) ?? '';
  const inRow = section('beside the guest')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const [calls = '', abi = '', capability = '', limits = '', errors = ''] = line
        .split('|')
        .slice(1)
        .map((cell) => cell.trim());
      const signatures = abi.split(', `(').map((text) => text.replace(/[`(]/g, ''));
      return calls.split(', ').map((call, at) => {
        const [params = '', result = ''] = (signatures[at] ?? '').split('→').map((part) => part.trim());
        const name = call.replace(/[` ]/g, '');
        return {
          name,
          params: params
            .replace(')', '')
            .split(', ')
            .filter((param) => param !== ''),
          result,
          capability,
          limits,
          errors,
        };
      });
    });

  it('has a row for each call served beside the guest: types, capability, limits and errors', () => {
    const served = ABI_IMPORTS.filter(({ servedBy }) => servedBy === 'worker');
    expect(inRow.map(({ name }) => name.replace('env.', '')).sort()).toEqual(
      served.map(({ name }) => name).sort(),
    );
    for (const { name, params, results, capability } of served) {
      const row = inRow.find((each) => each.name.replace('env.', '') === name);
      expect(row?.params.length, name).toBe(params.length);
      expect(row?.result.replace('status', 'i32') ?? '', name).toBe(results[0] ?? '');
      expect(row?.capability, name).toMatch(
        capability === null ? /^none needed/ : new RegExp(`^\`${capability}\`;`),
      );
      for (const [, limit = ''] of row?.limits.matchAll(/`(\w+)`/g) ?? [])
        expect(DEFAULT_LIMITS).toHaveProperty(limit);
      expect(row?.errors, name).toMatch(/`ERR_/);
    }
  });

  it('has a section for each call that leaves the sandbox: number, statuses, errors and grant', () => {
    for (const { name, wireNumber, capability } of ABI_IMPORTS.filter(
      ({ servedBy }) => servedBy === 'broker',
    )) {
      const text = section(`\`${name}\``);
      expect(text, name).toMatch(/`\(ptr, len\) → status`\. Wire numbers? /);
      expect(text.match(/Wire numbers? ([\d and]+)\./)?.[1]?.match(/\d+/g), name).toContain(
        String(wireNumber),
      );
      for (const status of [0, 1, 2, 3, 4]) expect(text, name).toContain(`| ${status} |`);
      expect(text, name).toContain(`capability = "${capability}"`);
    }
  });

  it('names every scope of every grant', () => {
    const scopes = Grant.options.flatMap(({ shape }) => Object.keys(shape));
    expect(scopes.filter((scope) => !new RegExp(`\`${scope}\`|^${scope} = `, 'm').test(page))).toEqual([]);
  });

  it('names only codes that exist', () => {
    const codes = [...page.matchAll(/`(ERR_[A-Z_]+)`/g)].map(([, code]) => code ?? '');
    expect(codes.filter((code) => !Object.hasOwn(ERROR_CODES, code))).toEqual([]);
  });
});

describe('docs/metering.md', () => {
  it('has every code of a metering error', () => {
    const page = read('docs/metering.md');
    expect(Object.keys(METERING_ERROR_CODES).filter((code) => !page.includes(code))).toEqual([]);
  });
});

describe('docs/events.md', () => {
  it('has every event and no other', () => {
    const source = read('src/events.ts');
    const events = [...source.matchAll(/^ {2}'([a-z]+:[a-z]+)'/gm)].map((match) => match[1] ?? '');
    expect(events.length).toBeGreaterThan(5);
    expect(firstColumn(read('docs/events.md'), /:/)).toEqual(sorted(events));
  });
});

describe('docs/check.md', () => {
  it('has every finding and no other, each with its severity', () => {
    const page = read('docs/check.md');
    expect(firstColumn(page, /-/)).toEqual(sorted(Object.keys(FINDINGS)));
    for (const [code, severity] of Object.entries(FINDINGS))
      expect(page).toContain(`| \`${code}\` | ${severity} |`);
  });
});

describe('docs/configuration.md', () => {
  it('is what the schema says; `node scripts/docs.ts` writes it', () => {
    expect(read('docs/configuration.md')).toBe(renderConfigurationPage());
  });
});

describe('SECURITY.md', () => {
  it('names a test for every threat, and each exists', () => {
    const rows = [...read('SECURITY.md').matchAll(/`(test\/security\/[a-z-]+\.test\.ts)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(rows.length).toBeGreaterThanOrEqual(9);
    expect(rows.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe('docs/tasker.md', () => {
  const tests = [...read('docs/tasker.md').matchAll(/`(test\/[a-z/-]+\.ts)`(?:: ([^;|]+))?/g)].map(
    ([, path = '', name]) => ({ path, name: name?.trim() }),
  );

  it('names a test for each of the nineteen hazards', () => {
    const rows = [...read('docs/tasker.md').matchAll(/^\| (\d+) \|.*`test\//gm)].map((row) => Number(row[1]));
    expect(rows).toEqual(Array.from({ length: 19 }, (_, index) => index + 1));
  });

  it.each(tests)('$path has the test "$name"', ({ path, name }) => {
    expect(existsSync(join(ROOT, path))).toBe(true);
    if (name !== undefined) expect(read(path)).toContain(name);
  });
});

describe('links between pages', () => {
  it('lead to files that exist', () => {
    const pages = [
      'README.md',
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      ...filesBelow('docs', /\.md$/),
    ];
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
        .map((target) => `${page} → ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
