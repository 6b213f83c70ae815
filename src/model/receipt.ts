import type { Grants } from './grant.ts';
import type { Limits } from './limits.ts';
import type { Tier } from './tier.ts';

/** One host call that left the sandbox, as it was decided. Carries sizes and digests, never payloads. */
export interface HostCallRecord {
  readonly call: string;
  readonly allowed: boolean;
  /** Place of the grant that allowed it in the receipt's `grants`; null where none did. */
  readonly grant: number | null;
  /** What was asked for, without credentials: `GET http://127.0.0.1:8080/movies.json`. */
  readonly target: string;
  /** The code of a refusal or failure; null when it succeeded. */
  readonly code: string | null;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of the request as the guest sent it: secrets are references in it. */
  readonly requestSha256: string;
  /** Of what the guest got, after the leak scan; null where that is a secret. */
  readonly responseSha256: string | null;
  /** When it came in, in milliseconds of the epoch. */
  readonly atMs: number;
  /** How long it took. */
  readonly ms: number;
}

/** Proof of what ran: stored with the step's result and printed by `wasm-broker run`. Wire form: snake_case. */
export interface Receipt {
  readonly abi: string;
  /** `name@version` of the manifest, or null for a module that has none. */
  readonly handler: string | null;
  /** `sha256:…` of the module as it was published, before metering. */
  readonly digest: string;
  readonly cost_table_hash: string;
  readonly limits: Limits;
  /** What it was allowed: requested ∩ policy ∩ step. */
  readonly grants: Grants;
  readonly fuel: number;
  readonly fuel_exact: boolean;
  readonly peak_memory_bytes: number;
  readonly host_calls: readonly HostCallRecord[];
  /** How many of `host_calls` were refused. */
  readonly denials: number;
  /** Hexadecimal; what the invocation's randomness started from. Null without the grant `random`. */
  readonly seed: string | null;
  readonly log_lines: number;
  readonly input_sha256: string;
  /** Null unless the invocation completed. */
  readonly output_sha256: string | null;
  /** Where it ran. */
  readonly tier: Tier;
  /** `reported`: fuel, memory and times are what a process said that the broker does not trust. */
  readonly usage: 'measured' | 'reported';
  readonly outcome: string;
  readonly queued_ms: number;
  readonly wall_ms: number;
}
