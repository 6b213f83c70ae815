import { hash } from 'node:crypto';
import { HOST_STATUS } from '../model/abi.ts';
import type { Grant } from '../model/grant.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import { createHttpTraffic } from './egress/http-traffic.ts';
import { hostFailure } from './failure.ts';
import type {
  Authority,
  Boundary,
  BoundaryAnswer,
  CallServices,
  HostFailure,
  HostReply,
  HostServices,
} from './host-call.ts';
import { type AnyHostCall, hostCallOf } from './registry.ts';

export interface BoundaryOptions {
  /** Told about faults of ours; the guest learns only that there was one. */
  readonly onFault?: (error: unknown, call: string) => void;
  /** A clock that only goes forward, in milliseconds; `per_second` of grants is counted by it. Default: `performance.now`. */
  readonly nowMs?: () => number;
}

/** What is known of a call, filled in on its way. */
interface Audit {
  readonly call: string;
  readonly startedMs: number;
  readonly requestSha256: string;
  target: string;
  requestBytes: number;
  grant: Grant | null;
  /** Name of the secret that the answer is. */
  secret: string | null;
}

/** One call as it came in. */
interface Incoming {
  readonly authority: Authority;
  /** untrusted: bytes of the guest. */
  readonly payload: Uint8Array;
  readonly callsBefore: number;
  readonly signal: AbortSignal;
}

/** The host-call boundary. See `Boundary`. */
export function createBoundary(supplied: HostServices, options: BoundaryOptions = {}): Boundary {
  const traffic = createHttpTraffic(options.nowMs ?? (() => performance.now()));
  const services: CallServices = Object.freeze({ ...supplied, traffic });
  return async (authority, wireNumber, payload, callsBefore, signal, requestSha256) => {
    const startedMs = performance.now();
    const call = hostCallOf(wireNumber);
    const name = call?.name ?? `#${wireNumber}`;
    const audit: Audit = {
      call: name,
      startedMs,
      requestSha256: requestSha256 ?? hash('sha256', payload),
      target: name,
      requestBytes: payload.byteLength,
      grant: null,
      secret: null,
    };
    let reply: HostReply;
    try {
      reply = await answer(call, { authority, payload, callsBefore, signal }, services, audit);
    } catch (error) {
      reply = internalFault();
      report(options, error, name);
    }
    return answerOf(reply, redacted(audit, authority), authority);
  };
}

async function answer(
  call: AnyHostCall | undefined,
  { authority, payload, callsBefore, signal }: Incoming,
  services: CallServices,
  audit: Audit,
): Promise<HostReply> {
  // Before decoding: reading a frame costs the host time, so refused calls are paid for as well.
  const charged = charge(authority, callsBefore);
  if (!charged.allowed) return hostFailure(charged);
  if (call === undefined) return hostFailure(refuse('ERR_HOST_CALL_INVALID', 'There is no such host call.'));

  const decoded = call.decode(payload, authority);
  if (!decoded.allowed) return hostFailure(decoded);
  Object.assign(audit, call.describe(decoded.request));

  const authorized = call.authorize(decoded.request, authority);
  if (!authorized.allowed) return hostFailure(authorized);
  audit.grant = authorized.grant;
  audit.secret = call.answersSecret?.(decoded.request) ?? null;
  if (signal.aborted) return hostFailure(refuse('ERR_ABORTED', 'The invocation has ended.'));
  return call.perform(decoded.request, authority, services, signal);
}

function charge({ limits }: Authority, callsBefore: number): Verdict {
  if (callsBefore < limits.host_calls) return { allowed: true };
  return refuse(
    'ERR_LIMIT_HOST_CALLS',
    `limits.host_calls allows ${limits.host_calls} host calls in one invocation, this would be number ` +
      `${callsBefore + 1}; raise limits.host_calls or make fewer calls.`,
  );
}

function internalFault(): HostFailure {
  return hostFailure(
    refuse('ERR_INTERNAL', 'The host could not complete the call because of a fault of its own.'),
  );
}

function report({ onFault }: BoundaryOptions, error: unknown, call: string): void {
  try {
    onFault?.(error, call);
  } catch {
    // A listener's fault must not become the guest's or the lane's.
  }
}

/** A URL of the guest may hold a value that an earlier call has used. */
function redacted(audit: Audit, { usedSecrets }: Authority): Audit {
  return usedSecrets.isEmpty ? audit : { ...audit, target: usedSecrets.redactor.text(audit.target) };
}

const encoder = new TextEncoder();

function answerOf(reply: HostReply, audit: Audit, { grants }: Authority): BoundaryAnswer {
  const ok = reply.status === HOST_STATUS.ok;
  const payload = ok
    ? reply.payload
    : encoder.encode(
        JSON.stringify({ code: reply.code, message: reply.message, retryable: reply.retryable }),
      );
  const secret = ok ? audit.secret : null;
  return {
    status: reply.status,
    payload,
    secret,
    record: Object.freeze({
      call: audit.call,
      allowed: ok || (reply.status !== HOST_STATUS.denied && reply.status !== HOST_STATUS.overLimit),
      grant: audit.grant === null ? null : grants.indexOf(audit.grant),
      target: audit.target,
      code: ok ? null : reply.code,
      requestBytes: audit.requestBytes,
      responseBytes: ok ? payload.byteLength : 0,
      requestSha256: audit.requestSha256,
      responseSha256: secret === null ? hash('sha256', payload) : null,
      atMs: Math.round(performance.timeOrigin + audit.startedMs),
      ms: Math.round(performance.now() - audit.startedMs),
    }),
  };
}
