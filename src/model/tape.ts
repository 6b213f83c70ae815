import * as z from 'zod';
import { Grants } from './grant.ts';
import { Limits } from './limits.ts';

/** Version of the format; a tape of another version is refused. */
export const TAPE_VERSION = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One host call that left the sandbox, and what the guest saw of it. */
const TapeCall = z.strictObject({
  call: z.string().max(64),
  wire_number: z.number(),
  /** Of the whole request as the guest sent it, secrets as references. */
  request_sha256: sha256,
  status: z.int().min(0).max(255),
  /** Base64, secrets masked. Null for `secret_read`: looked up again. */
  answer: z.base64().nullable(),
  /** Name of the secret whose value was the answer. */
  secret: z.string().nullable(),
  /** What `get_time` answered from then on; null where time stood still. */
  time_ms: z.number().nullable(),
});
export type TapeCall = Readonly<z.infer<typeof TapeCall>>;

/**
 * All that an invocation's course depended on, and where it led: enough to run it again offline and compare output and
 * fuel. Secrets are references or masked.
 */
export const Tape = z.strictObject({
  tape: z.literal(TAPE_VERSION),
  recorded_at: z.iso.datetime(),
  abi: z.string(),
  /** `name@version` of the manifest, or null for a module that has none. */
  handler: z.string().nullable(),
  /** `sha256:…` of the module as it was published. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  cost_table_hash: z.string(),
  /** JSON texts, as the guest read them. */
  input: z.string(),
  config: z.string(),
  step: z.string(),
  grants: Grants,
  limits: Limits,
  seed: sha256.nullable(),
  time_ms: z.number().nullable(),
  calls: z.array(TapeCall),
  /** True where the guest saw the value of a secret that had to be masked here: then a replay cannot follow it. */
  masked: z.boolean(),
  outcome: z.strictObject({
    kind: z.string(),
    code: z.string().nullable(),
    limit: z.string().nullable(),
    output_sha256: sha256.nullable(),
    fuel: z.int(),
  }),
});
export type Tape = Readonly<z.infer<typeof Tape>>;
