import * as z from 'zod';
import { PartialLimits } from './limits.ts';

/** Sizes of the pool, as keys of `[worker]` in broker.toml. They can be changed while steps run. */
export const POOL_KEYS = {
  lanes: z.int().min(1).max(64).default(2).describe('Worker threads. Live.'),
  in_flight_per_lane: z
    .int()
    .min(1)
    .max(1000)
    .default(8)
    .describe('Steps one lane may have in flight. Live.'),
  queue_depth: z
    .int()
    .min(0)
    .max(10_000)
    .default(0)
    .describe(
      'Steps claimed beyond those in flight, so that a lane that becomes free has one at once. Live.',
    ),
  processes: z
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .describe('Processes at a time for handlers of the process tier; one per module. Live.'),
  memory_budget_mb: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      'What the memories of all guests may commit together; beyond it no step is claimed and those claimed wait. Default: 60 % of the cgroup’s limit, or of the machine’s memory. Live.',
    ),
} as const;

/** What can be changed while the broker runs; what is left out stays. Wire form of `POST /v1/settings`. */
export const LiveSettings = z.strictObject({
  lanes: POOL_KEYS.lanes.unwrap().optional(),
  in_flight_per_lane: POOL_KEYS.in_flight_per_lane.unwrap().optional(),
  queue_depth: POOL_KEYS.queue_depth.unwrap().optional(),
  processes: POOL_KEYS.processes.unwrap().optional(),
  memory_budget_mb: POOL_KEYS.memory_budget_mb,
  limits: PartialLimits.optional(),
});
export type LiveSettings = z.infer<typeof LiveSettings>;
