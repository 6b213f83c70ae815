import * as z from 'zod';

/** Ceilings of one invocation. Every one is on; there is no value that switches a limit off. */
export const Limits = z.strictObject({
  fuel: z
    .int()
    .positive()
    .max(Number.MAX_SAFE_INTEGER)
    .describe(
      'Metered units: 65,536 for each page of memory that the handler starts with, then one for about each instruction.',
    ),
  memory_pages: z.int().positive().max(65536).describe('Pages of 64 KiB the linear memory may grow to.'),
  depth: z
    .int()
    .positive()
    .max(512 * 1024)
    .describe('Weighted call depth: bytes of parameters, locals and operands over all live frames.'),
  wall_ms: z
    .int()
    .positive()
    .max(1_500_000)
    .describe('Elapsed time from entering the guest, host calls included.'),
  input_bytes: z.int().positive().describe('Size of the input document and of the configuration, each.'),
  output_bytes: z.int().positive().describe('Size of the output document.'),
  log_bytes: z.int().positive().describe('Bytes of all log messages together.'),
  log_lines: z.int().positive().describe('Number of log messages.'),
  host_calls: z.int().positive().describe('Host calls that leave the sandbox (HTTP requests).'),
  checkpoints: z
    .int()
    .positive()
    .describe('Times one attempt may yield at a checkpoint and go on from there.'),
  http_request_bytes: z.int().positive().describe('Size of the body of one HTTP request.'),
  http_response_bytes: z.int().positive().describe('Size of the body of one HTTP response.'),
  http_timeout_ms: z
    .int()
    .positive()
    .max(300_000)
    .describe('Total time of one HTTP request, redirects included.'),
  http_connect_ms: z
    .int()
    .positive()
    .max(300_000)
    .describe(
      'Time of one HTTP request until it can be sent: name, connection and TLS, or a free connection.',
    ),
  http_first_byte_ms: z
    .int()
    .positive()
    .max(300_000)
    .describe('Time from sending an HTTP request to the headers of its answer.'),
});
export type Limits = Readonly<z.infer<typeof Limits>>;
export type LimitName = keyof Limits;

/** What applies where neither the operator nor the handler says anything. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  fuel: 2_000_000_000,
  memory_pages: 1024,
  depth: 192 * 1024,
  wall_ms: 30_000,
  input_bytes: 8 * 1024 * 1024,
  output_bytes: 2 * 1024 * 1024,
  log_bytes: 64 * 1024,
  log_lines: 1000,
  host_calls: 20,
  checkpoints: 1000,
  http_request_bytes: 1024 * 1024,
  http_response_bytes: 4 * 1024 * 1024,
  http_timeout_ms: 10_000,
  http_connect_ms: 5_000,
  http_first_byte_ms: 10_000,
});

/** Limits as someone asks for them: any subset. */
export const PartialLimits = Limits.partial();
export type PartialLimits = { readonly [Name in LimitName]?: number | undefined };

/** The smaller of ceiling and request, limit by limit. A request can only narrow. */
export function clampLimits(ceiling: Limits, ...requests: readonly (PartialLimits | undefined)[]): Limits {
  const clamped: Record<LimitName, number> = { ...ceiling };
  for (const request of requests) {
    for (const name of Object.keys(ceiling) as LimitName[]) {
      const asked = request?.[name];
      if (asked !== undefined && asked < clamped[name]) clamped[name] = asked;
    }
  }
  return Object.freeze(clamped);
}

/** The defaults, with what is given in their place. */
export function completeLimits(given: PartialLimits): Limits {
  const limits: Record<LimitName, number> = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(limits) as LimitName[]) limits[name] = given[name] ?? limits[name];
  return Object.freeze(limits);
}
