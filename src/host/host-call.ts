import type { ErrorCode } from '../errors.ts';
import type { HostStatus } from '../model/abi.ts';
import type { Grant, Grants } from '../model/grant.ts';
import type { Limits } from '../model/limits.ts';
import type { HostCallRecord } from '../model/receipt.ts';
import type { Verdict } from '../model/verdict.ts';
import type { HandlerCache } from './cache/handler-cache.ts';
import type { HttpClient } from './egress/http-client.ts';
import type { HttpTraffic } from './egress/http-traffic.ts';
import type { SecretSource } from './secrets/secret-source.ts';
import type { UsedSecrets } from './secrets/used-secrets.ts';

/** What host calls act through. The sandbox's user supplies it once. */
export interface HostServices {
  readonly http: HttpClient;
  readonly secrets: SecretSource;
  /** Without it nothing is kept from one step to the next. */
  readonly cache?: HandlerCache;
}

/** What `perform` acts through: the user's services, and the boundary's own count of what was sent where. */
export interface CallServices extends HostServices {
  readonly traffic: HttpTraffic;
}

/**
 * The broker's own record of what a live invocation may do. Never built from anything a guest or a worker sent. One object
 * for each invocation: what it spends is counted by it.
 */
export interface Authority {
  /** Handler name as it stands in policy; used to say which grant is missing. */
  readonly handler: string;
  readonly grants: Grants;
  readonly limits: Limits;
  /** The mark its configuration was resolved with (`secretMarkOf`). Without it no secret is put in. */
  readonly secretMark?: string | null;
  /** Filled by host calls, searched for in everything that leaves. */
  readonly usedSecrets: UsedSecrets;
  /** Tasker's namespace and the digest of the handler's module: what is cached is kept apart by both. */
  readonly namespace: string;
  readonly digest: string;
}

/** Everything a reviewer must know about one call that leaves the sandbox is one value of this type. */
export interface HostCall<Request> {
  /** Import name in the guest ABI. */
  readonly name: string;
  /** Number on the wire between lane and broker; written out, never reused. */
  readonly wireNumber: number;
  /** untrusted: the payload is guest bytes. */
  decode(payload: Uint8Array, authority: Authority): Verdict<{ readonly request: Request }>;
  /** Pure. What it allows is exactly what `perform` then acts on. */
  authorize(request: Request, authority: Authority): Verdict<{ readonly grant: Grant }>;
  /** Name of the secret that the answer is, if it is one: then it is neither recorded nor digested. */
  answersSecret?(request: Request): string;
  /** What was asked for, for receipts and audit; no credentials. */
  describe(request: Request): { readonly target: string; readonly requestBytes: number };
  /** Never rejects because of the guest or the remote side: a refusal or failure is part of the answer. */
  perform(
    request: Request,
    authority: Authority,
    services: CallServices,
    signal: AbortSignal,
  ): Promise<HostReply>;
}

/** Reply to the guest: on `ok` the bytes of the result, otherwise why not. */
export type HostReply = { readonly status: 0; readonly payload: Uint8Array } | HostFailure;

/** Why a call was not performed or did not succeed. The message never contains a secret. */
export interface HostFailure {
  readonly status: Exclude<HostStatus, 0>;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** What the boundary hands back for every call: bytes for the guest, a record for the receipt. */
export interface BoundaryAnswer {
  readonly status: HostStatus;
  /** Result bytes on status 0, otherwise UTF-8 JSON `{code, message, retryable}`. */
  readonly payload: Uint8Array;
  /** Name of the secret that `payload` is; null when it is none. */
  readonly secret: string | null;
  readonly record: HostCallRecord;
}

/**
 * Charge → decode → authorise → perform → audit. The only place that performs a host call. Never rejects.
 * `callsBefore` is the broker's own count for this invocation, this call not included, refused and unfinished calls
 * included: a hostile worker sends many at once. `requestSha256` is the digest of `payload`, from a caller that has it already.
 */
export type Boundary = (
  authority: Authority,
  wireNumber: number,
  payload: Uint8Array,
  callsBefore: number,
  signal: AbortSignal,
  requestSha256?: string,
) => Promise<BoundaryAnswer>;
