import { refuse, type Verdict } from '../../model/verdict.ts';
import { untilAborted } from '../until-aborted.ts';
import type { SecretSource } from './secret-source.ts';

/** A shorter value cannot be told from ordinary text, so it could not be kept out of answers. */
const SECRET_BYTES_MIN = 8;
const SECRET_BYTES_MAX = 16 * 1024;

/** The values of these secrets by name. Rejects only with the signal's reason. */
export async function loadSecrets(
  names: readonly string[],
  source: SecretSource,
  signal: AbortSignal,
  call = 'http_request',
): Promise<Verdict<{ readonly values: ReadonlyMap<string, string> }>> {
  const values = new Map<string, string>();
  for (const name of names) {
    const value = await untilAborted(read(source, name), signal);
    if (value === undefined) return unavailable(call, `the place of secret ${name} could not be read`);
    if (value === null)
      return unavailable(call, `there is no secret ${name}; add [secrets.${name}] to broker.toml`);
    const bytes = Buffer.byteLength(value);
    if (bytes < SECRET_BYTES_MIN || bytes > SECRET_BYTES_MAX) {
      return unavailable(
        call,
        `secret ${name} must have ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes; a shorter value could not be ` +
          `kept out of answers`,
      );
    }
    values.set(name, value);
  }
  return { allowed: true, values };
}

/** Undefined where the source failed: its error may name files or carry the value. */
async function read(source: SecretSource, name: string): Promise<string | null | undefined> {
  try {
    return await source.get(name);
  } catch {
    return undefined;
  }
}

function unavailable(call: string, why: string): ReturnType<typeof refuse> {
  return refuse('ERR_SECRET_UNAVAILABLE', `${call}: ${why}.`);
}
