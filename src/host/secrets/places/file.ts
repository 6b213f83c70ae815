import { readFile } from 'node:fs/promises';

/** A file's content without one line break at its end; undefined where there is no such file. */
export async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    // Editors and `echo` end a file with a line break that is not part of the value.
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
