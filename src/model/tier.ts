/**
 * Where guests of a handler run: in a thread of the broker's process, or in a process of their own, which costs more and
 * holds when the engine does not.
 */
export const TIERS = ['thread', 'process'] as const;
export type Tier = (typeof TIERS)[number];
