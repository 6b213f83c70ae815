import type { Config } from '../config.ts';
import type { HttpClient } from '../host/egress/http-client.ts';
import { createVaultReader, type ReadVault } from '../host/secrets/places/vault.ts';
import { createSecretSource, type SecretSource } from '../host/secrets/secret-source.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The secrets of broker.toml. */
export function secretsOf(config: Config, env: Environment, http: HttpClient): SecretSource {
  return createSecretSource(config.secrets, env, vaultOf(config, env, http));
}

function vaultOf({ vault }: Config, env: Environment, http: HttpClient): ReadVault | undefined {
  if (vault === undefined) return undefined;
  const { address, mount, namespace, token } = vault;
  const tokens = createSecretSource({ TOKEN: token }, env);
  const read = async () => (await tokens.get('TOKEN')) ?? undefined;
  return createVaultReader({ http, address, mount, namespace, token: read });
}
