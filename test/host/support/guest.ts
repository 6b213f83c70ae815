import { createBoundary } from '../../../src/host/boundary.ts';
import { createHttpClient, type HttpClientOptions } from '../../../src/host/egress/http-client.ts';
import type { Authority, Boundary, BoundaryAnswer, HostServices } from '../../../src/host/host-call.ts';
import { createSecretSource } from '../../../src/host/secrets/secret-source.ts';
import { createUsedSecrets } from '../../../src/host/secrets/used-secrets.ts';
import { type GrantInput, Grants } from '../../../src/model/grant.ts';
import { clampLimits, DEFAULT_LIMITS, type PartialLimits } from '../../../src/model/limits.ts';
import { secretPlaceholder } from '../../../src/model/references.ts';
import { secretMarkOf } from '../../../src/model/secret-mark.ts';

export const MARK = secretMarkOf('test');
/** What the resolver makes of `${secrets.NAME}` in the configuration of the invocation under test. */
export const secretRef = (name: string) => secretPlaceholder(name, MARK);

export const HTTP_REQUEST = 1;

export interface Head {
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeout_ms?: number;
}

/** What a guest reads after `http_request` returned. */
export interface GuestView {
  readonly status: number;
  readonly record: BoundaryAnswer['record'];
  /** On status 0. */
  readonly head: { readonly status: number; readonly headers: Record<string, string>; readonly url: string };
  readonly body: string;
  /** On any other status. */
  readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean };
  /** Every byte that left the boundary. */
  readonly everything: string;
}

export interface GuestOptions {
  readonly grants?: readonly GrantInput[];
  readonly limits?: PartialLimits;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly http?: HttpClientOptions;
  readonly services?: Partial<HostServices>;
  readonly handler?: string;
  readonly nowMs?: () => number;
}

export function authorityOf({ grants = [], limits = {}, handler = 'probe' }: GuestOptions = {}): Authority {
  return {
    handler,
    grants: Grants.parse(grants),
    limits: clampLimits(DEFAULT_LIMITS, limits),
    secretMark: MARK,
    usedSecrets: createUsedSecrets(),
    namespace: 'wasm',
    digest: 'sha256:probe',
  };
}

export function servicesOf({ secrets = {}, http = {}, services = {} }: GuestOptions = {}): HostServices {
  const places = Object.fromEntries(Object.keys(secrets).map((name) => [name, { env: name }]));
  return {
    http: createHttpClient({ resolve: noResolver, ...http }),
    secrets: createSecretSource(places, secrets),
    ...services,
  };
}

/** Fails the test that would ask the network's resolver. */
async function noResolver(hostname: string): Promise<never> {
  throw new Error(`unexpected lookup of ${hostname}`);
}

/** A resolver over a table; counts nothing, asks nobody. */
export function resolverOf(zone: Readonly<Record<string, readonly string[]>>) {
  return async (hostname: string) =>
    (zone[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

/** Something that makes host calls as a guest does. */
export function createGuest(options: GuestOptions = {}) {
  const { nowMs } = options;
  const boundary = createBoundary(servicesOf(options), nowMs === undefined ? {} : { nowMs });
  return invocationOf(boundary, authorityOf(options));
}

/** One more invocation at a boundary. */
export function invocationOf(boundary: Boundary, authority: Authority) {
  let calls = 0;
  return async (
    head: Head | Uint8Array,
    body: string | Uint8Array = '',
    signal: AbortSignal = new AbortController().signal,
  ) => {
    const payload = head instanceof Uint8Array ? head : frameOf(head, body);
    return viewOf(await boundary(authority, HTTP_REQUEST, payload, calls++, signal));
  };
}

export function frameOf(head: Head | string, body: string | Uint8Array = ''): Uint8Array {
  const text = Buffer.from(typeof head === 'string' ? head : JSON.stringify({ method: 'GET', ...head }));
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(text.byteLength);
  return Buffer.concat([prefix, text, Buffer.from(body)]);
}

export function viewOf({ status, payload, record }: BoundaryAnswer): GuestView {
  const bytes = Buffer.from(payload);
  const everything = bytes.toString('latin1') + JSON.stringify(record);
  const none = {
    head: { status: 0, headers: {}, url: '' },
    body: '',
    error: { code: '', message: '', retryable: false },
  };
  if (status !== 0) return { ...none, status, record, everything, error: JSON.parse(bytes.toString()) };
  const headEnd = 4 + bytes.readUInt32LE();
  const head = JSON.parse(bytes.subarray(4, headEnd).toString());
  return { ...none, status, record, everything, head, body: bytes.subarray(headEnd).toString() };
}

/** A grant for one local server. */
export function grantFor(
  port: number,
  overrides: Partial<Extract<GrantInput, { capability: 'http' }>> = {},
): GrantInput {
  return {
    capability: 'http',
    schemes: ['http'],
    hosts: ['127.0.0.1'],
    ports: [port],
    methods: ['GET'],
    private_networks: ['127.0.0.0/8'],
    ...overrides,
  };
}
