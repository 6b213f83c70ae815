import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CORPUS } from './corpus/index.ts';
import { ROW_CLASSES } from './row.ts';
import { BROKER, judge } from './subject.ts';
import { startWorld, type World } from './world.ts';

/*
 * Threat: server-side request forgery. Every row passes on the code of the answer and on the addresses that were dialled;
 * resolver and dialler are the world's, which is on loopback.
 */

describe('the corpus', () => {
  it('has at least 150 rows, 8 of every class, and 40 that must succeed', () => {
    expect(CORPUS.length).toBeGreaterThanOrEqual(150);
    expect(CORPUS.filter(({ expect: expected }) => expected === 'ok').length).toBeGreaterThanOrEqual(40);
    for (const name of ROW_CLASSES) {
      const own = CORPUS.filter((row) => row.class === name);
      expect(own.length, name).toBeGreaterThanOrEqual(8);
      expect(own.filter((row) => row.expect === 'ok').length, name).toBeGreaterThanOrEqual(1);
    }
  });

  it('has no row twice', () => {
    const texts = CORPUS.map((row) => JSON.stringify(row));
    expect(new Set(texts).size).toBe(texts.length);
  });
});

describe.each(ROW_CLASSES)('%s', (name) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const own = CORPUS.filter((row) => row.class === name);
  it.each(own.map((row) => [row.method ?? 'GET', row.url, row.note ?? '', row] as const))(
    '%s %s %s',
    async (_method, _url, _note, row) => {
      const { answer, dialled } = await judge(BROKER, row, world);
      expect({ answer, dialled }).toEqual({ answer: row.expect, dialled: row.dialled });
    },
  );
});
