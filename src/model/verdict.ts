import type { ErrorCode, ErrorDetails } from '../errors.ts';

/** Why something may not happen. `message` says expected and got, and what to change; never a payload or a secret. */
export interface Refusal {
  readonly allowed: false;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

/** The answer of a check, given before something happens. */
export type Verdict<Value = Record<never, never>> = ({ readonly allowed: true } & Readonly<Value>) | Refusal;

/** A refusal. */
export function refuse(code: ErrorCode, message: string, details?: ErrorDetails): Refusal {
  return details === undefined
    ? { allowed: false, code, message }
    : { allowed: false, code, message, details };
}
