import { explainMissing } from '../../model/attenuate.ts';
import { type Grant, grantsOf } from '../../model/grant.ts';
import { ANY } from '../../model/grant-scope.ts';
import { refuse, type Verdict } from '../../model/verdict.ts';
import { hostFailure } from '../failure.ts';
import type { Authority, HostCall, HostReply, HostServices } from '../host-call.ts';
import { loadSecrets } from '../secrets/load-secrets.ts';

/** The name of a secret whose value the guest asks for. */
export interface SecretRequest {
  readonly name: string;
}

/**
 * Hands a guest the value of a secret, where a reference that the host fills in is not enough (a signature, a login of
 * several steps). From then on the value counts as the guest's: whatever it sends or hands out is searched for it.
 */
export const secretRead: HostCall<SecretRequest> = Object.freeze({
  name: 'secret_read',
  wireNumber: 2,
  decode,
  authorize,
  answersSecret: ({ name }: SecretRequest) => name,
  describe: ({ name }: SecretRequest) => ({ target: `secret ${name}`, requestBytes: name.length }),
  perform,
});

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** untrusted: `payload`. */
function decode(payload: Uint8Array): Verdict<{ readonly request: SecretRequest }> {
  const name = Buffer.from(payload).toString('latin1');
  if (NAME.test(name)) return { allowed: true, request: Object.freeze({ name }) };
  return refuse(
    'ERR_HOST_CALL_INVALID',
    'secret_read: expected the name of a secret: letters, digits and underscores.',
  );
}

function authorize(
  { name }: SecretRequest,
  { handler, grants }: Authority,
): Verdict<{ readonly grant: Grant }> {
  const grant = grantsOf(grants, 'secret_read').find(
    ({ names }) => names.includes(ANY) || names.includes(name),
  );
  if (grant !== undefined) return { allowed: true, grant };
  return refuse(
    'ERR_SECRET_DENIED',
    `No secret_read grant of ${handler} lets it read ${name}. The handler's manifest must request it, the step must not ` +
      `narrow it away, and broker.toml must grant it:\n${explainMissing(handler, 'secret_read', { names: [name] })}`,
    { capability: 'secret_read', secret: name },
  );
}

async function perform(
  { name }: SecretRequest,
  { usedSecrets }: Authority,
  { secrets }: HostServices,
  signal: AbortSignal,
): Promise<HostReply> {
  const loaded = await loadSecrets([name], secrets, signal, 'secret_read').catch(() => null);
  if (loaded === null) {
    return hostFailure(refuse('ERR_ABORTED', 'The invocation ended while the secret was looked up.'));
  }
  if (!loaded.allowed) return hostFailure(loaded);
  usedSecrets.hold(loaded.values);
  return { status: 0, payload: Buffer.from(loaded.values.get(name) ?? '') };
}
