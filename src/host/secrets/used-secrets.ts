import { createRedactor, type Redactor } from './redact.ts';

type Values = Iterable<readonly [name: string, value: string]>;

/** The secrets that one invocation has used so far: what leaves the broker is searched for the values of all of them. */
export interface UsedSecrets {
  /** True until a value was used: then there is nothing to search for. */
  readonly isEmpty: boolean;
  /** For every value so far. */
  readonly redactor: Redactor;
  /** For those that the guest itself has (`secret_read`); null when it has none. */
  readonly held: Redactor | null;
  /** The host put these into a request. */
  add(values: Values): void;
  /** The guest was handed these. */
  hold(values: Values): void;
}

/** Nothing used yet. */
export function createUsedSecrets(): UsedSecrets {
  // Not by name: a secret that was rotated meanwhile has two values.
  const used = new Map<string, readonly [name: string, value: string]>();
  const heldByGuest = new Map<string, readonly [name: string, value: string]>();
  let redactor: Redactor | null = null;
  let held: Redactor | null = null;
  const add = (values: Values) => {
    const before = used.size;
    for (const [name, value] of values) used.set(`${name}\0${value}`, [name, value]);
    if (used.size > before) redactor = null;
  };
  return Object.freeze({
    get isEmpty() {
      return used.size === 0;
    },
    get redactor() {
      redactor ??= createRedactor(used.values());
      return redactor;
    },
    get held() {
      return held;
    },
    add,
    hold(values: Values) {
      for (const [name, value] of values) heldByGuest.set(`${name}\0${value}`, [name, value]);
      held = createRedactor(heldByGuest.values());
      add(heldByGuest.values());
    },
  });
}
