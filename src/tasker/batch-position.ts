import * as z from 'zod';
import type { BatchPosition } from '../model/invocation.ts';
import type { JsonValue } from '../model/json.ts';

const json = z
  .unknown()
  .default(null)
  .transform((value) => value as JsonValue);

/** What Tasker writes into the inputs of a batch worker. */
const Inputs = z.object({
  cursor: z
    .object({
      batch_id: z.string().default('000'),
      start_cursor: json,
      end_cursor: json,
      batch_size: z.int().nullable().default(null),
    })
    .prefault({}),
  is_no_op: z.boolean().default(false),
});

/** The part of the work of a batch worker; null where its inputs say nothing readable about it. */
export function readBatchPosition(inputs: JsonValue): BatchPosition | null {
  // untrusted: the inputs were put together from an analyser's output.
  const parsed = Inputs.safeParse(inputs);
  return parsed.success ? { ...parsed.data.cursor, is_no_op: parsed.data.is_no_op } : null;
}
