import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  COST_TABLE,
  DEFAULT_DEPTH,
  DEFAULT_METER_LIMITS,
  METERING_ERROR_CODES,
} from '../../src/metering/index.ts';

const text = readFileSync(new URL('../../docs/metering.md', import.meta.url), 'utf8');

it('documents every error code with its meaning, and no other', () => {
  const rows = [
    ...text.matchAll(/^\| `((?:invalid|malformed|unsupported|limit|conflict)-[a-z0-9-]+)` \| (.+) \|$/gm),
  ];
  expect(Object.fromEntries(rows.map((row) => [row[1], row[2]]))).toEqual(METERING_ERROR_CODES);
});

it('documents the numbers of the cost table, the limits and the default depth', () => {
  for (const [name, cost] of Object.entries(COST_TABLE.instructions))
    expect(text).toContain(`| \`${name}\` | ${cost} |`);
  for (const [name, value] of Object.entries(DEFAULT_METER_LIMITS))
    expect(text).toContain(`| \`${name}\` | ${value} |`);
  expect(text).toContain(String(DEFAULT_DEPTH));
});
