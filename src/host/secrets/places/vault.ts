import * as z from 'zod';
import type { HttpClient } from '../../egress/http-client.ts';

/** Where a HashiCorp Vault (or OpenBao) is, and how it is asked. */
export interface VaultOptions {
  readonly http: HttpClient;
  /** `https://vault.example.com:8200` */
  readonly address: string;
  /** Mount of the KV engine, version 2. */
  readonly mount: string;
  readonly namespace?: string | undefined;
  /** Read at every use, so that a renewed token applies at once. */
  readonly token: () => Promise<string | undefined>;
  readonly timeoutMs?: number;
}

/** Reads one field of one entry; undefined where there is none. */
export type ReadVault = (path: string, field: string) => Promise<string | undefined>;

const TIMEOUT_MS = 5000;
const RESPONSE_BYTES_MAX = 1024 * 1024;
/** The operator names one address, wherever it is; names that move are the operator's DNS. */
const ANY_NETWORK = ['0.0.0.0/0', '::/0'];

/** Never shared with a handler, whose text is JSON. */
const CONNECTIONS = 'vault';

/** https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version */
const Answer = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()) }) });

/** A reader of KV version 2 by plain HTTP: one request a value, nothing kept, no redirect followed. */
export function createVaultReader(options: VaultOptions): ReadVault {
  const { http, address, mount, namespace, timeoutMs = TIMEOUT_MS } = options;
  return async (path, field) => {
    const token = await options.token();
    if (token === undefined || token === '') throw new Error('there is no Vault token');
    const url = new URL(`/v1/${escapePath(mount)}/data/${escapePath(path)}`, address);
    const answer = await http.exchange(
      {
        method: 'GET',
        url,
        headers: [
          ['x-vault-token', token],
          ['x-vault-request', 'true'],
          ...(namespace === undefined ? [] : [['x-vault-namespace', namespace] as const]),
        ],
        body: null,
        permits: [{ privateNetworks: ANY_NETWORK, maxResponseBytes: RESPONSE_BYTES_MAX }],
        connectionsOf: CONNECTIONS,
        connectTimeoutMs: timeoutMs,
        firstByteTimeoutMs: timeoutMs,
      },
      AbortSignal.timeout(timeoutMs),
    );
    if (answer.kind === 'failure') throw new Error(`Vault: ${answer.code}`);
    // No such entry, or its newest version is deleted.
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new Error(`Vault answered ${answer.status}`);
    return fieldOf(answer.body, field);
  };
}

/** untrusted: what a server answered. Errors never contain any of it. */
function fieldOf(body: Uint8Array, field: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString());
  } catch {
    throw new Error('Vault answered something else than JSON');
  }
  const answer = Answer.safeParse(parsed);
  if (!answer.success) throw new Error('Vault answered something else than an entry of KV version 2');
  const { data } = answer.data.data;
  const value = Object.hasOwn(data, field) ? data[field] : undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw new Error(`Vault: the field ${field} is not a string`);
}

function escapePath(path: string): string {
  const segments = path.split('/');
  // A URL would resolve them.
  if (segments.some((segment) => /^\.{0,2}$/.test(segment))) {
    throw new Error(`Vault: expected a path such as apps/orders, got ${path}`);
  }
  return segments.map(encodeURIComponent).join('/');
}
