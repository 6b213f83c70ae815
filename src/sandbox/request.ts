import type * as z from 'zod';
import type { Grants } from '../model/grant.ts';
import { grantsOf } from '../model/grant.ts';
import type { Trapped, Waiting, Yielded } from '../model/outcome.ts';
import { describeIssues } from '../model/parse.ts';
import { CheckpointRequest, WaitRequest } from '../model/step-request.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** untrusted: what a guest passed to `checkpoint`. */
export function readCheckpoint(bytes: Uint8Array): Yielded | Trapped {
  const read = parse(CheckpointRequest, bytes);
  return read.success
    ? { kind: 'yielded', checkpoint: read.data }
    : protocolFault('checkpoint', describeIssues(read.error));
}

/** untrusted: what a guest passed to `wait`. A grant says how long it may ask for. */
export function readWait(bytes: Uint8Array, grants: Grants): Waiting | Trapped {
  const read = parse(WaitRequest, bytes);
  if (!read.success) return protocolFault('wait', describeIssues(read.error));
  const allowedMs = Math.max(0, ...grantsOf(grants, 'wait').map(({ timeout_ms }) => timeout_ms));
  if (read.data.timeout_ms <= allowedMs) return { kind: 'waiting', wait: read.data };
  const message = `wait: timeout_ms of ${read.data.timeout_ms}; the grant "wait" allows ${allowedMs} (its timeout_ms)`;
  return { kind: 'trapped', code: 'ERR_GRANT_MISSING', message, stack: [] };
}

function parse<Schema extends z.ZodType>(schema: Schema, bytes: Uint8Array) {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    // Not JSON: no schema takes undefined.
  }
  return schema.safeParse(value);
}

function protocolFault(call: string, fault: string): Trapped {
  return { kind: 'trapped', code: 'ERR_GUEST_PROTOCOL', message: `${call}: ${fault}`, stack: [] };
}
