import * as z from 'zod';
import { explainMissing, type WantedScope } from '../../model/attenuate.ts';
import { type Grant, grantsOf } from '../../model/grant.ts';
import { type Refusal, refuse, type Verdict } from '../../model/verdict.ts';
import { hostFailure } from '../failure.ts';
import type { Authority, HostCall, HostReply, HostServices } from '../host-call.ts';
import { splitFrame } from './frame.ts';

const KEY_BYTES_MAX = 256;

interface GetRequest {
  readonly key: string;
}

/** What the guest has kept under a key: one byte, 1 for found and 0 for not, then the value. */
export const cacheGet: HostCall<GetRequest> = Object.freeze({
  name: 'cache_get',
  wireNumber: 3,
  decode: (payload: Uint8Array) => decodeKey(payload),
  authorize: (_: GetRequest, authority: Authority) => mayCache(authority),
  describe: ({ key }: GetRequest) => ({ target: `cache ${key}`, requestBytes: Buffer.byteLength(key) }),
  perform: async ({ key }: GetRequest, authority: Authority, { cache }: HostServices): Promise<HostReply> => {
    if (cache === undefined) return unavailable();
    const value = cache.get(authority, key);
    return {
      status: 0,
      payload: Buffer.concat([Uint8Array.of(value === null ? 0 : 1), value ?? new Uint8Array()]),
    };
  },
});

interface PutRequest {
  readonly key: string;
  readonly ttlMs: number;
  readonly value: Uint8Array;
}

/** Keeps a value for a while, for later steps of the same handler in the same namespace. */
export const cachePut: HostCall<PutRequest> = Object.freeze({
  name: 'cache_put',
  wireNumber: 4,
  decode: decodePut,
  authorize: authorizePut,
  describe: ({ key, value }: PutRequest) => ({ target: `cache ${key}`, requestBytes: value.byteLength }),
  perform: async (
    { key, ttlMs, value }: PutRequest,
    authority: Authority,
    { cache }: HostServices,
  ): Promise<HostReply> => {
    if (cache === undefined) return unavailable();
    if (cache.put(authority, key, value, ttlMs)) return { status: 0, payload: new Uint8Array() };
    return hostFailure(
      refuse('ERR_CACHE_TOO_LARGE', 'cache_put: the value is larger than cache.max_bytes allows.'),
    );
  },
});

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** untrusted: `bytes`. */
function decodeKey(bytes: Uint8Array): Verdict<{ readonly request: GetRequest }> {
  if (bytes.byteLength === 0 || bytes.byteLength > KEY_BYTES_MAX) {
    return refuse(
      'ERR_HOST_CALL_INVALID',
      `cache_get: expected a key of 1 to ${KEY_BYTES_MAX} bytes, got ${bytes.byteLength}.`,
    );
  }
  try {
    return { allowed: true, request: Object.freeze({ key: decoder.decode(bytes) }) };
  } catch {
    return refuse('ERR_HOST_CALL_INVALID', 'cache_get: expected a key in UTF-8.');
  }
}

const PutHead = z.strictObject({
  key: z
    .string()
    .min(1)
    .refine((key) => Buffer.byteLength(key) <= KEY_BYTES_MAX, `expected at most ${KEY_BYTES_MAX} bytes`),
  ttl_ms: z.int().positive(),
});

/** untrusted: `payload`. */
function decodePut(payload: Uint8Array): Verdict<{ readonly request: PutRequest }> {
  const frame = splitFrame('cache_put', payload, PutHead);
  if (!frame.allowed) return frame;
  const { key, ttl_ms: ttlMs } = frame.head;
  // A copy: what is kept must not keep the whole frame.
  return { allowed: true, request: Object.freeze({ key, ttlMs, value: frame.body.slice() }) };
}

type Granted = Verdict<{ readonly grant: Grant }>;

function mayCache(authority: Authority): Granted {
  const [grant] = grantsOf(authority.grants, 'cache');
  return grant === undefined
    ? ungranted('keeps anything', authority, { ttl_ms: 60_000 })
    : { allowed: true, grant };
}

function authorizePut({ key, ttlMs, value }: PutRequest, authority: Authority): Granted {
  const { byteLength } = value;
  const grant = grantsOf(authority.grants, 'cache').find(
    ({ ttl_ms, value_bytes }) => ttlMs <= ttl_ms && byteLength <= value_bytes,
  );
  if (grant === undefined) {
    const wanted = { ttl_ms: ttlMs, value_bytes: byteLength };
    return ungranted(`keeps ${byteLength} bytes for ${ttlMs} ms`, authority, wanted);
  }
  // A later step would find it without having been granted the secret.
  const { usedSecrets } = authority;
  const kept = Buffer.concat([Buffer.from(`${key}\n`), value]);
  const names = usedSecrets.isEmpty ? [] : usedSecrets.redactor.namesIn(kept);
  if (names.length === 0) return { allowed: true, grant };
  return refuse('ERR_SECRET_DENIED', `cache_put: the value of secret ${names.join(', ')} is never cached.`);
}

function ungranted(what: string, { handler }: Authority, wanted: WantedScope<'cache'>): Refusal {
  return refuse(
    'ERR_GRANT_MISSING',
    `No cache grant of ${handler} ${what}. To grant it, broker.toml:\n${explainMissing(handler, 'cache', wanted)}`,
    { capability: 'cache' },
  );
}

function unavailable(): HostReply {
  return hostFailure(
    refuse(
      'ERR_CACHE_UNAVAILABLE',
      'This broker keeps no cache; set enabled = true in [cache] of broker.toml.',
    ),
  );
}
