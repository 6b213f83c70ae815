import { BrokerError } from '../../errors.ts';
import type { Refusal, Verdict } from '../../model/verdict.ts';

/** What a verdict allows; throws its refusal. */
export function allowed<Value>(verdict: Verdict<Value>): Value {
  if (verdict.allowed) return verdict as Value;
  const { code, message, details }: Refusal = verdict as Refusal;
  throw new BrokerError(code, message, details === undefined ? {} : { details });
}
