import type { GuestResult } from '../protocol.ts';

/** The verdict on a guest that begins with more pages than its invocation may have. */
export function startsTooLarge(used: number, allowed: number): GuestResult {
  return {
    kind: 'exhausted',
    code: 'ERR_LIMIT_MEMORY',
    message: `the handler starts with ${used} pages of memory; limits.memory_pages allows ${allowed}`,
    limit: 'memory_pages',
    allowed,
    used,
    setting: 'limits.memory_pages',
  };
}
