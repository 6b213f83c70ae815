import type { ErrorCode } from '../../../src/errors.ts';
import type { GrantInput } from '../../../src/model/grant.ts';
import type { PartialLimits } from '../../../src/model/limits.ts';

type HttpScope = Partial<Extract<GrantInput, { capability: 'http' }>>;

/**
 * One attack or control of the corpus. It passes when the answer has the expected code **and** exactly the expected places
 * were dialled, in that order, each named once.
 */
export interface Row {
  readonly class: RowClass;
  readonly url: string;
  /** What makes it different where the URL does not say it. */
  readonly note?: string;
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** How often it is sent, over the same client; the last answer counts. Default 1. */
  readonly times?: number;
  /** Where it differs from the grant of everything public. */
  readonly grant?: HttpScope;
  /** A second grant. */
  readonly alsoGranted?: HttpScope;
  readonly limits?: PartialLimits;
  /** Answers of the resolver by name, one for each lookup; the last one stays. */
  readonly zone?: Zone;
  readonly expect: 'ok' | ErrorCode;
  /** `ADDRESS port` */
  readonly dialled: readonly string[];
}

export type Zone = Readonly<Record<string, readonly (readonly string[])[]>>;

export const ROW_CLASSES = [
  'IPv4 literals',
  'IPv6 literals',
  'mapped and NAT64',
  'IDN',
  'trailing dot',
  'userinfo',
  'ports and schemes',
  'redirects',
  'rebinding',
  'mixed answers',
  'slow responses',
  'sizes and bombs',
  'header floods',
] as const;
export type RowClass = (typeof ROW_CLASSES)[number];

/** Addresses of the public internet, as far as the world of the corpus goes. */
export const PUBLIC = '93.184.215.14';
export const PUBLIC_2 = '93.184.215.15';
export const PUBLIC_V6 = '2606:2800:21f:cb07:6820:80da:af6b:8b2c';
/** Public, but nothing listens there. */
export const DEAD = '93.184.215.98';
/** Public, and no packet comes back. */
export const STUCK = '93.184.215.99';

/** Names that every row can use. */
export const COMMON_ZONE: Zone = {
  'example.test': [[PUBLIC]],
  'other.test': [[PUBLIC_2]],
  'private.test': [['10.0.0.1']],
  localhost: [['127.0.0.1']],
};

/** What reaches `example.test`, or `other.test`, on the default port. */
export const AT_EXAMPLE = [`${PUBLIC} 80`] as const;

/** Rows of one class from `[url, expected, dialled?]`; without `dialled`, nothing may be dialled. */
export function rows(
  rowClass: RowClass,
  list: readonly (readonly [url: string, expect: Row['expect'], dialled?: readonly string[]])[],
  common: Pick<Row, 'grant' | 'zone'> = {},
): Row[] {
  return list.map(([url, expect, dialled = []]) => ({ class: rowClass, url, expect, dialled, ...common }));
}
