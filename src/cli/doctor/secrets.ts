import type { Config } from '../../config.ts';
import { messageOf } from '../../errors.ts';
import { createHttpClient } from '../../host/egress/http-client.ts';
import { loadSecrets } from '../../host/secrets/load-secrets.ts';
import type { SecretPlace } from '../../host/secrets/secret-source.ts';
import { secretsOf } from '../secrets.ts';
import type { DoctorLine } from './line.ts';

/** Whether every secret can be used. Says where it is kept, never what it is. */
export async function examineSecrets(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly DoctorLine[]> {
  const source = secretsOf(config, env, createHttpClient());
  return Promise.all(
    Object.entries(config.secrets).map(async ([name, place]): Promise<DoctorLine> => {
      const where = placeOf(place);
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

function placeOf(place: SecretPlace): string {
  if ('env' in place) return `from the variable ${place.env}`;
  if ('file' in place) return `from the file ${place.file}`;
  return 'directory' in place ? `from the folder ${place.directory}` : `from the Vault entry ${place.vault}`;
}
