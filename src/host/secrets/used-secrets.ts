import { createRedactor, type Redactor } from './redact.ts';

/** The secrets that one invocation has used so far: what leaves the broker is searched for the values of all of them. */
export interface UsedSecrets {
  /** True until a value was used: then there is nothing to search for. */
  readonly isEmpty: boolean;
  /** For every value so far. */
  readonly redactor: Redactor;
  add(values: Iterable<readonly [name: string, value: string]>): void;
}

/** Nothing used yet. */
export function createUsedSecrets(): UsedSecrets {
  // Not by name: a secret that was rotated meanwhile has two values.
  const used = new Map<string, readonly [name: string, value: string]>();
  let redactor: Redactor | null = null;
  return Object.freeze({
    get isEmpty() {
      return used.size === 0;
    },
    get redactor() {
      redactor ??= createRedactor(used.values());
      return redactor;
    },
    add(values: Iterable<readonly [name: string, value: string]>) {
      for (const [name, value] of values) {
        const key = `${name}\0${value}`;
        if (used.has(key)) continue;
        used.set(key, [name, value]);
        redactor = null;
      }
    },
  });
}
