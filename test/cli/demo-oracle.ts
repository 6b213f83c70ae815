import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

type Movie = Readonly<Record<string, unknown>>;

interface Group {
  readonly key: string;
  readonly movies: number;
  readonly gross: number;
  readonly budget: number;
  readonly rating: number | null;
}

/** The data set as its package ships it. */
export function movies(): readonly Movie[] {
  const file = join(dirname(require.resolve('vega-datasets')), '..', 'data', 'movies.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Movie[];
}

/** The demo's workflow in plain TypeScript, written from its template and sharing no code with the handlers. */
export function expectedReport(): {
  readonly invalid: number;
  readonly groups: readonly Group[];
  readonly audience: string;
} {
  const all = movies();
  const valid = all.filter(isValid);
  const byGenre = new Map<string, Movie[]>();
  for (const movie of valid) {
    const genre = (movie['Major Genre'] as string | null) ?? 'Unknown';
    byGenre.set(genre, [...(byGenre.get(genre) ?? []), movie]);
  }
  const groups = [...byGenre].map(([key, members]) => ({
    key,
    movies: members.length,
    gross: sum(members, 'Worldwide Gross'),
    budget: sum(members, 'Production Budget'),
    rating: mean(members, 'IMDB Rating'),
  }));
  groups.sort((a, b) => b.gross - a.gross);
  const invalid = all.length - valid.length;
  return { invalid, groups, audience: invalid > 50 ? 'notify_data_team' : 'publish_report' };
}

function isValid(movie: Movie): boolean {
  const money = (key: string) => typeof movie[key] === 'number' && (movie[key] as number) >= 0;
  const title = movie['Title'];
  const genre = movie['Major Genre'];
  const rating = movie['IMDB Rating'];
  return (
    typeof title === 'string' &&
    title.length > 0 &&
    typeof movie['Release Date'] === 'string' &&
    money('Production Budget') &&
    money('Worldwide Gross') &&
    (genre === null || typeof genre === 'string') &&
    (rating === null || (typeof rating === 'number' && rating >= 0 && rating <= 10))
  );
}

function numbers(members: readonly Movie[], key: string): number[] {
  return members.map((movie) => movie[key]).filter((value): value is number => typeof value === 'number');
}

function sum(members: readonly Movie[], key: string): number {
  return numbers(members, key).reduce((total, value) => total + value, 0);
}

function mean(members: readonly Movie[], key: string): number | null {
  const values = numbers(members, key);
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0) / values.length;
}
