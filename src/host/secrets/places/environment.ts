import { readSecretFile } from './file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variable of that name, or else the file that `NAME_FILE` names, as container images have it. Both at once would
 * leave open which one counts.
 */
export async function readVariable(name: string, env: Environment): Promise<string | undefined> {
  const value = env[name];
  const file = env[`${name}_FILE`];
  if (value !== undefined && file !== undefined) throw new Error(`both ${name} and ${name}_FILE are set`);
  return file === undefined ? value : readSecretFile(file);
}
