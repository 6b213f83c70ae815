import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { instantiateBare } from '../support/bare-guest.ts';
import { document, handlerModule, loadHandler, outputOf } from './catalog-handler.ts';

type Movie = Readonly<Record<string, string | number | null>>;

const TEXT = readFileSync(
  new URL('../../node_modules/vega-datasets/data/movies.json', import.meta.url),
  'utf8',
);
const MOVIES = JSON.parse(TEXT) as readonly Movie[];

describe('on the movies data set', () => {
  it('validate finds the records that ajv finds', async () => {
    const schema = {
      type: 'object',
      required: ['Title', 'Release Date'],
      properties: {
        Title: { type: 'string', minLength: 1 },
        'Worldwide Gross': { type: ['integer', 'null'], minimum: 0 },
        'IMDB Rating': { type: ['number', 'null'], minimum: 1, maximum: 10 },
        'Release Date': { type: 'string', minLength: 11 },
      },
    };
    const run = await loadHandler('validate');
    const output = outputOf(run(document(TEXT), { each: true, on_invalid: 'flag', schema })) as {
      valid: Movie[];
      invalid: { index: number; record: Movie }[];
      valid_count: number;
      invalid_count: number;
    };
    const check = new Ajv2020().compile(schema);
    const invalid = MOVIES.map((movie, index) => ({ movie, index })).filter(({ movie }) => !check(movie));
    expect(invalid.length).toBeGreaterThan(0);
    expect(output.invalid.map((item) => item.index)).toEqual(invalid.map((item) => item.index));
    expect(output.valid).toEqual(MOVIES.filter((movie) => check(movie)));
    expect([output.valid_count, output.invalid_count]).toEqual([
      MOVIES.length - invalid.length,
      invalid.length,
    ]);
  });

  it('transform gives what a plain function gives', async () => {
    const run = await loadHandler('transform');
    const config = {
      each: true,
      where: { path: '$["Worldwide Gross"]', op: 'gt', value: 0 },
      mapping: {
        title: { path: '$.Title', to: 'string' },
        genre: { path: '$["Major Genre"]', default: 'none' },
        money: { object: { gross: '$["Worldwide Gross"]', budget: '$["Production Budget"]' } },
        label: { concat: ['$.Title', { value: ' / ' }, '$.Director'] },
      },
    };
    const expected = MOVIES.filter((movie) => Number(movie['Worldwide Gross']) > 0).map((movie) => ({
      title: movie['Title'] === null ? null : String(movie['Title']),
      genre: movie['Major Genre'] ?? 'none',
      money: { gross: movie['Worldwide Gross'], budget: movie['Production Budget'] },
      label: `${movie['Title'] ?? ''} / ${movie['Director'] ?? ''}`,
    }));
    expect(outputOf(run(document(TEXT), config))).toEqual(expected);
  });

  it('aggregate gives the same doubles as a plain loop', async () => {
    const run = await loadHandler('aggregate');
    const output = outputOf(
      run(document(TEXT), {
        group_by: '$["Major Genre"]',
        metrics: {
          titles: { op: 'count' },
          gross: { op: 'sum', path: '$["Worldwide Gross"]' },
          rating: { op: 'mean', path: '$["IMDB Rating"]' },
        },
        sort: { by: 'gross', order: 'desc' },
      }),
    );
    expect(output).toEqual(aggregateByGenre());
  });

  it('transform stays small in memory: 3,201 records of 1.4 MB in less than 8 MiB', async () => {
    const module = await handlerModule('transform');
    const config = JSON.stringify({ each: true, mapping: { title: '$.Title', gross: '$["US Gross"]' } });
    const { output, memoryBytes } = instantiateBare(module, { input: TEXT, config });
    expect(JSON.parse(output ?? '[]')).toHaveLength(3201);
    expect(memoryBytes).toBeLessThan(8 * 1024 * 1024);
  });
});

function aggregateByGenre(): unknown {
  const keys = [...new Set(MOVIES.map((movie) => movie['Major Genre'] ?? 'unknown'))];
  const numbers = (movies: readonly Movie[], name: string): number[] =>
    movies.map((movie) => movie[name]).filter((value) => typeof value === 'number');
  const metrics = (movies: readonly Movie[]) => {
    const ratings = numbers(movies, 'IMDB Rating');
    return {
      titles: movies.length,
      gross: numbers(movies, 'Worldwide Gross').reduce((sum, value) => sum + value, 0),
      rating: ratings.length === 0 ? null : ratings.reduce((sum, value) => sum + value, 0) / ratings.length,
    };
  };
  return {
    groups: keys
      .map((key) => ({
        key,
        ...metrics(MOVIES.filter((movie) => (movie['Major Genre'] ?? 'unknown') === key)),
      }))
      .sort((a, b) => b.gross - a.gross),
    totals: metrics(MOVIES),
    count: MOVIES.length,
    skipped: {
      gross: MOVIES.length - numbers(MOVIES, 'Worldwide Gross').length,
      rating: MOVIES.length - numbers(MOVIES, 'IMDB Rating').length,
    },
  };
}
