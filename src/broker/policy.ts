import type { Grants } from '../model/grant.ts';
import type { Limits } from '../model/limits.ts';

/** The operator's word: what each handler may do and how much of everything. From broker.toml. */
export interface Policy {
  /** Grants by handler name; `*` applies to every handler. */
  readonly grants: Readonly<Record<string, Grants>>;
  readonly limits: Limits;
}

/** What policy grants a handler by its name, before the manifest and the step narrow it. */
export function policyFor(policy: Policy, handler: string): Grants {
  const own = Object.hasOwn(policy.grants, handler) ? policy.grants[handler] : undefined;
  const all = Object.hasOwn(policy.grants, '*') ? policy.grants['*'] : undefined;
  return [...(all ?? []), ...(own ?? [])];
}
