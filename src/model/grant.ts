import * as z from 'zod';
import { type CapabilityName, LOG_LEVELS } from './abi.ts';

/*
 * A grant is a capability with its scope. Handlers request grants in their manifest, the operator's policy in
 * broker.toml gives them, a step may narrow them: effective = requested ∩ policy ∩ step (see attenuate.ts).
 * An empty or missing list means nothing, never everything.
 */

const host = z
  .string()
  .min(1)
  .max(253)
  .transform((value) => value.toLowerCase())
  .refine((value) => /^(\*|(\*\.)?[a-z0-9_:[\]-]+(\.[a-z0-9_-]+)*)$/.test(value), {
    message: 'expected a host name, "*.example.com" for one label, or "*"',
  })
  .describe('Exact host, `*.example.com` (exactly one label), or `*` for any.');
const port = z.union([z.int().min(1).max(65535), z.literal('*')]).describe('Port number, or `*` for any.');

/** Places that one list can name: lists are compared each with each, and a grant more can name others. */
const PLACES_MAX = 64;
const list = <Item extends z.ZodType>(item: Item) => z.array(item).max(PLACES_MAX);

/** Permission to write log lines. */
export const LogGrant = z.strictObject({
  capability: z.literal('log'),
  level: z
    .enum(Object.keys(LOG_LEVELS) as [keyof typeof LOG_LEVELS, ...(keyof typeof LOG_LEVELS)[]])
    .default('debug')
    .describe('Least severe level that is kept.'),
});
export type LogGrant = Readonly<z.infer<typeof LogGrant>>;

/** Permission to read the time, which stands still during one invocation unless it may advance. */
export const TimeGrant = z.strictObject({
  capability: z.literal('time'),
  advance: z
    .boolean()
    .default(false)
    .describe('Let it go on whenever a call that left the sandbox comes back.'),
});
export type TimeGrant = Readonly<z.infer<typeof TimeGrant>>;

/** Highest rate that `per_second` can name: that many moments are remembered for each host. */
export const PER_SECOND_MAX = 1000;

/** Permission to send HTTP requests to the listed places. */
export const HttpGrant = z.strictObject({
  capability: z.literal('http'),
  schemes: list(z.enum(['https', 'http'])).describe('Allowed URL schemes.'),
  hosts: list(host).describe('Allowed hosts.'),
  ports: list(port).describe('Allowed ports.'),
  methods: list(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])).describe(
    'Allowed methods.',
  ),
  path_prefix: z.string().startsWith('/').default('/').describe('The path must be this or lie under it.'),
  private_networks: list(z.union([z.cidrv4(), z.cidrv6()]))
    .default([])
    .describe('Networks that are not public and may be dialled all the same, as CIDR.'),
  requests: z
    .int()
    .positive()
    .optional()
    .describe('Requests one invocation may send to each host, redirects included. Without it, any number.'),
  bytes: z
    .int()
    .positive()
    .optional()
    .describe('Bytes of bodies, sent and received, that one invocation may exchange with each host.'),
  per_second: z
    .int()
    .min(1)
    .max(PER_SECOND_MAX)
    .optional()
    .describe('Requests that all invocations of the handler together may send to each host in any second.'),
});
export type HttpGrant = Readonly<z.infer<typeof HttpGrant>>;

/** Permission to refer to secrets as `${secrets.NAME}` in requests to the listed hosts. */
export const SecretGrant = z.strictObject({
  capability: z.literal('secret'),
  names: list(z.string().regex(/^(\*|[A-Za-z_][A-Za-z0-9_]*)$/)).describe('Names of secrets, or `*`.'),
  hosts: list(host).describe('Where the values may be sent.'),
  plain_http: z.boolean().default(false).describe('Allow sending the value without TLS.'),
});
export type SecretGrant = Readonly<z.infer<typeof SecretGrant>>;

/** Permission to be handed the values of secrets. A handler that only sends them needs `secret` instead. */
export const SecretReadGrant = z.strictObject({
  capability: z.literal('secret_read'),
  names: list(z.string().regex(/^(\*|[A-Za-z_][A-Za-z0-9_]*)$/)).describe('Names of secrets, or `*`.'),
});
export type SecretReadGrant = Readonly<z.infer<typeof SecretReadGrant>>;

/** Permission to let the step wait for a person. */
export const WaitGrant = z.strictObject({
  capability: z.literal('wait'),
  timeout_ms: z
    .int()
    .positive()
    .max(24 * 3_600_000)
    .describe('Longest a step may wait.'),
});
export type WaitGrant = Readonly<z.infer<typeof WaitGrant>>;

/** Permission to draw random bytes from the invocation's seeded stream. */
export const RandomGrant = z.strictObject({ capability: z.literal('random') });
export type RandomGrant = Readonly<z.infer<typeof RandomGrant>>;

/** Permission to keep values from one step to the next, for a while. */
export const CacheGrant = z.strictObject({
  capability: z.literal('cache'),
  ttl_ms: z
    .int()
    .positive()
    .max(24 * 3_600_000)
    .describe('Longest time a value is kept.'),
  value_bytes: z
    .int()
    .positive()
    .max(1024 * 1024)
    .default(64 * 1024)
    .describe('Size of one value.'),
});
export type CacheGrant = Readonly<z.infer<typeof CacheGrant>>;

export const Grant = z.discriminatedUnion('capability', [
  LogGrant,
  TimeGrant,
  HttpGrant,
  SecretGrant,
  SecretReadGrant,
  WaitGrant,
  RandomGrant,
  CacheGrant,
]);
export type Grant =
  | LogGrant
  | TimeGrant
  | HttpGrant
  | SecretGrant
  | SecretReadGrant
  | WaitGrant
  | RandomGrant
  | CacheGrant;
/** A grant as it is written down: defaults may be left out. */
export type GrantInput = z.input<typeof Grant>;

export const Grants = z.array(Grant).max(64);
export type Grants = readonly Grant[];

const NONE: readonly never[] = Object.freeze([]);

/** The grants of one capability. */
export function grantsOf<Name extends CapabilityName>(
  grants: Grants,
  capability: Name,
): readonly Extract<Grant, { capability: Name }>[] {
  if (grants.length === 0) return NONE;
  return grants.filter(
    (grant): grant is Extract<Grant, { capability: Name }> => grant.capability === capability,
  );
}
