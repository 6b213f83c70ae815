import { join } from 'node:path';
import { readVariable } from './places/environment.ts';
import { readSecretFile } from './places/file.ts';
import type { ReadVault } from './places/vault.ts';

/** Where values of secrets come from. Whoever keeps them elsewhere implements this one method. */
export interface SecretSource {
  /** The value, or null when there is none of that name. May reject; the error never reaches a guest. */
  get(name: string): Promise<string | null>;
}

/** Where one value is kept. */
export type SecretPlace =
  /** An environment variable; where only `NAME_FILE` is set, the file it names. */
  | { readonly env: string }
  | { readonly file: string }
  /** A folder with one file a secret, `key` or the secret's name. */
  | { readonly directory: string; readonly key?: string | undefined }
  /** An entry of a Vault, and the field in it: `key` or the secret's name. */
  | { readonly vault: string; readonly key?: string | undefined };

/**
 * The secrets that the operator names, each in its own place. Only listed names exist: a guest cannot reach another
 * variable, file or entry by asking for it. Values are read at every use, so that a rotated one applies at once.
 */
export function createSecretSource(
  places: Readonly<Record<string, SecretPlace>>,
  env: Readonly<Record<string, string | undefined>>,
  readVault?: ReadVault,
): SecretSource {
  const read = (name: string, place: SecretPlace): Promise<string | undefined> => {
    if ('env' in place) return readVariable(place.env, env);
    if ('file' in place) return readSecretFile(place.file);
    if ('directory' in place) return readSecretFile(join(place.directory, place.key ?? name));
    if (readVault === undefined) throw new Error('no Vault is configured');
    return readVault(place.vault, place.key ?? name);
  };
  return Object.freeze({
    async get(name: string): Promise<string | null> {
      const place = Object.hasOwn(places, name) ? places[name] : undefined;
      if (place === undefined) return null;
      const value = await read(name, place);
      return value === undefined || value === '' ? null : value;
    },
  });
}

/** Asks one source after the other; the first that has the secret decides. */
export function firstOf(...sources: readonly SecretSource[]): SecretSource {
  return Object.freeze({
    async get(name: string): Promise<string | null> {
      for (const source of sources) {
        const value = await source.get(name);
        if (value !== null) return value;
      }
      return null;
    },
  });
}
