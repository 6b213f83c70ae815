import { hash } from 'node:crypto';
import type { Authority, Boundary, BoundaryAnswer } from '../../host/host-call.ts';
import { loadSecrets } from '../../host/secrets/load-secrets.ts';
import type { SecretSource } from '../../host/secrets/secret-source.ts';
import { HOST_STATUS, type HostStatus } from '../../model/abi.ts';
import type { Tape, TapeCall } from '../../model/tape.ts';

/** Where a replay left its tape. */
export interface Divergence {
  /** `call 3`, `outcome`, `output`, `fuel` */
  readonly at: string;
  readonly expected: string;
  readonly got: string;
}

/** Answers the host calls of one invocation from its tape, in order. Performs nothing. */
export interface Player {
  readonly boundary: Boundary;
  /** What `get_time` answers after the last call; null where time stood still. */
  readonly timeMs: () => number | null;
  /** The first call that was not the recorded one; null if all were. */
  readonly divergence: () => Divergence | null;
  /** A secret that was read when the tape was recorded and is not there now. */
  readonly missingSecret: () => string | null;
}

/** A player for one run. Secrets that the guest read come from `secrets`: a tape has none. */
export function createPlayer(tape: Tape, secrets: SecretSource): Player {
  let played = 0;
  let divergence: Divergence | null = null;
  let missingSecret: string | null = null;

  const boundary: Boundary = async (authority, wireNumber, payload, _callsBefore, signal) => {
    const recorded = tape.calls[played];
    played += 1;
    const digest = hash('sha256', payload);
    divergence ??= differenceOf(played, recorded, wireNumber, digest);
    if (recorded === undefined || divergence !== null) return replyOf(`#${wireNumber}`, digest, OFF_THE_TAPE);
    const { status, secret, answer } = recorded;
    if (secret === null) {
      return replyOf(recorded.call, digest, { status, payload: Buffer.from(answer ?? '', 'base64') });
    }
    const value = await readAgain(secret, authority, secrets, signal);
    if (value !== null) return replyOf(recorded.call, digest, { status, payload: value });
    missingSecret ??= secret;
    return replyOf(recorded.call, digest, OFF_THE_TAPE);
  };
  return Object.freeze({
    boundary,
    timeMs: () => tape.calls[played - 1]?.time_ms ?? null,
    divergence: () => divergence ?? notReached(tape, played),
    missingSecret: () => missingSecret,
  });
}

/** What a guest gets that has left its tape: it is to end. */
const OFF_THE_TAPE = Object.freeze({
  status: HOST_STATUS.failed,
  payload: Buffer.from('{"code":"ERR_ABORTED","message":"not on the tape","retryable":false}'),
});

function differenceOf(
  number: number,
  recorded: TapeCall | undefined,
  wireNumber: number,
  digest: string,
): Divergence | null {
  const at = `call ${number}`;
  if (recorded === undefined) return { at, expected: 'no further call', got: `call #${wireNumber}` };
  if (recorded.wire_number !== wireNumber) {
    return { at, expected: `${recorded.call} (#${recorded.wire_number})`, got: `#${wireNumber}` };
  }
  if (recorded.request_sha256 === digest) return null;
  return {
    at,
    expected: `${recorded.call} with request ${recorded.request_sha256}`,
    got: `request ${digest}`,
  };
}

function notReached({ calls }: Tape, played: number): Divergence | null {
  const next = calls[played];
  return next === undefined ? null : { at: `call ${played + 1}`, expected: next.call, got: 'the end' };
}

async function readAgain(
  name: string,
  { usedSecrets }: Authority,
  secrets: SecretSource,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const loaded = await loadSecrets([name], secrets, signal, 'secret_read').catch(() => null);
  if (loaded === null || !loaded.allowed) return null;
  usedSecrets.hold(loaded.values);
  return Buffer.from(loaded.values.get(name) ?? '');
}

function replyOf(
  call: string,
  requestSha256: string,
  { status, payload }: { readonly status: number; readonly payload: Uint8Array },
): BoundaryAnswer {
  return {
    status: status as HostStatus,
    payload,
    secret: null,
    record: {
      call,
      allowed: true,
      grant: null,
      target: 'tape',
      code: null,
      requestBytes: 0,
      responseBytes: payload.byteLength,
      requestSha256,
      responseSha256: null,
      atMs: 0,
      ms: 0,
    },
  };
}
