import { readFile } from 'node:fs/promises';

/** Where values of secrets come from. */
export interface SecretSource {
  /** The value, or null when there is none of that name. May reject; the error never reaches a guest. */
  get(name: string): Promise<string | null>;
}

/** Where one value is kept: an environment variable or a file. */
export type SecretPlace = { readonly env: string } | { readonly file: string };

/**
 * The secrets that the operator names, each in its own place. Only listed names exist: a guest cannot reach another
 * variable or file by asking for it. Values are read at every use, so that a rotated one applies at once.
 */
export function createSecretSource(
  places: Readonly<Record<string, SecretPlace>>,
  env: Readonly<Record<string, string | undefined>>,
): SecretSource {
  return Object.freeze({
    async get(name: string): Promise<string | null> {
      const place = Object.hasOwn(places, name) ? places[name] : undefined;
      if (place === undefined) return null;
      const value = 'env' in place ? env[place.env] : await readSecretFile(place.file);
      return value === undefined || value === '' ? null : value;
    },
  });
}

async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    // Editors and `echo` end a file with a line break that is not part of the value.
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
