import type { Config } from '../../config.ts';
import { messageOf } from '../../errors.ts';
import { loadSecrets } from '../../host/secrets/load-secrets.ts';
import { createSecretSource } from '../../host/secrets/secret-source.ts';
import type { DoctorLine } from './line.ts';

/** Whether every secret can be used. Says where it is kept, never what it is. */
export async function examineSecrets(
  { secrets }: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly DoctorLine[]> {
  const source = createSecretSource(secrets, env);
  return Promise.all(
    Object.entries(secrets).map(async ([name, place]): Promise<DoctorLine> => {
      const where = 'env' in place ? `from the variable ${place.env}` : `from the file ${place.file}`;
      const loaded = await loadSecrets([name], source, new AbortController().signal).catch(messageOf);
      if (typeof loaded === 'object' && loaded.allowed) {
        return { area: 'secrets', subject: name, status: 'ok', detail: `has a value, ${where}` };
      }
      return {
        area: 'secrets',
        subject: name,
        status: 'error',
        detail: `has no value of 8 to 16384 bytes, ${where}`,
      };
    }),
  );
}
