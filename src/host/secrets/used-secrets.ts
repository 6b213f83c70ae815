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
  return new SecretsOfInvocation();
}

type Kept = Map<string, readonly [name: string, value: string]>;

/** One for each invocation, most of which use none: what is not needed is not made. */
class SecretsOfInvocation implements UsedSecrets {
  /** Not by name: a secret that was rotated meanwhile has two values. */
  #used: Kept | null = null;
  #heldByGuest: Kept | null = null;
  #redactor: Redactor | null = null;
  #held: Redactor | null = null;

  get isEmpty(): boolean {
    return this.#used === null;
  }

  get redactor(): Redactor {
    this.#redactor ??= createRedactor(this.#used?.values() ?? []);
    return this.#redactor;
  }

  get held(): Redactor | null {
    return this.#held;
  }

  add(values: Values): void {
    for (const [name, value] of values) {
      this.#used ??= new Map();
      this.#used.set(`${name}\0${value}`, [name, value]);
      this.#redactor = null;
    }
  }

  hold(values: Values): void {
    this.#heldByGuest ??= new Map();
    for (const [name, value] of values) this.#heldByGuest.set(`${name}\0${value}`, [name, value]);
    this.#held = createRedactor(this.#heldByGuest.values());
    this.add(this.#heldByGuest.values());
  }
}
