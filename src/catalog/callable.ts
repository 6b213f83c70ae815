import type { Verdict } from '../model/verdict.ts';
import { refuse } from '../model/verdict.ts';

/** `handler.callable` taken apart: `NAME`, `NAME@VERSION` or `NAME@sha256:DIGEST`. */
export interface Callable {
  readonly name: string;
  readonly version: string | null;
  readonly digest: string | null;
}

const SHAPE =
  /^(?<name>[a-z][a-z0-9_]*)(?:@(?:(?<version>\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)|(?<digest>sha256:[0-9a-f]{64})))?$/;

export function parseCallable(text: string): Verdict<{ readonly callable: Callable }> {
  const groups = SHAPE.exec(text)?.groups;
  if (groups?.['name'] === undefined) {
    return refuse(
      'ERR_HANDLER_UNKNOWN',
      `handler.callable "${text.slice(0, 120)}": expected NAME, NAME@1.2.3 or NAME@sha256:<64 hex digits>`,
    );
  }
  const { name, version, digest } = groups;
  return { allowed: true, callable: { name, version: version ?? null, digest: digest ?? null } };
}
