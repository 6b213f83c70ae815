import * as z from 'zod';
import { BrokerError } from '../../errors.ts';

const Name = z.string().min(1).max(128);
const Dependencies = z.array(Name);
const STEP_TYPES = ['standard', 'decision', 'deferred_convergence', 'batchable', 'batch_worker'] as const;

/** The parts of a template step that the orchestrator acts on; the rest is the worker's (worker protocol §7). */
const StepTemplate = z
  .object({
    name: Name,
    type: z.enum(STEP_TYPES).optional(),
    step_type: z.enum(STEP_TYPES).optional(),
    dependencies: Dependencies.optional(),
    depends_on: Dependencies.optional(),
    handler: z.object({ initialization: z.record(z.string(), z.json()).nullish() }),
    batch_config: z
      .object({ cursor_field: z.string(), failure_strategy: z.string().default('continue_on_failure') })
      .nullish(),
    retry: z
      .object({ retryable: z.boolean().default(true), max_attempts: z.int().min(0).default(3) })
      .prefault({}),
  })
  .transform((step) => ({
    name: step.name,
    type: step.type ?? step.step_type ?? 'standard',
    dependencies: step.dependencies ?? step.depends_on ?? [],
    initialization: step.handler.initialization ?? {},
    retryable: step.retry.retryable,
    maxAttempts: step.retry.max_attempts,
    batchConfig: step.batch_config
      ? {
          cursorField: step.batch_config.cursor_field,
          failureStrategy: step.batch_config.failure_strategy,
        }
      : null,
  }));
export type StepTemplate = Readonly<z.infer<typeof StepTemplate>>;

const Configuration = z.object({ steps: z.array(StepTemplate).min(1, 'a template needs at least one step') });

/** A checked `named_tasks.configuration`. */
export interface Template {
  readonly steps: readonly StepTemplate[];
}

/**
 * Reads `named_tasks.configuration`.
 *
 * @param label names the template in messages
 * @throws BrokerError ERR_TEMPLATE_INVALID naming the field, the step or the cycle
 */
export function readTemplate(configuration: unknown, label: string): Template {
  const parsed = Configuration.safeParse(configuration);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(
      label,
      `${issue?.path.join('.') || 'configuration'}: ${issue?.message ?? 'not a template'}`,
    );
  }
  const { steps } = parsed.data;
  const byName = new Map<string, StepTemplate>();
  for (const step of steps) {
    if (byName.has(step.name)) throw invalid(label, `two steps are named "${step.name}"`);
    if (step.type === 'decision' && step.dependencies.length === 0) {
      throw invalid(label, `decision step "${step.name}" needs at least one dependency`);
    }
    byName.set(step.name, step);
  }
  for (const step of steps) {
    const missing = step.dependencies.find((name) => !byName.has(name));
    if (missing !== undefined)
      throw invalid(label, `step "${step.name}" depends on "${missing}", which is no step`);
  }
  const cyclic = findCycle(steps);
  if (cyclic !== null) throw invalid(label, `the dependencies of step "${cyclic}" form a cycle`);
  return { steps };
}

/** The name of a step on a cycle, or null (Kahn's algorithm: what cannot be ordered is on or behind a cycle). */
function findCycle(steps: readonly StepTemplate[]): string | null {
  const ordered = new Set<string>();
  let rest = steps;
  for (;;) {
    const free = rest.filter((step) => step.dependencies.every((name) => ordered.has(name)));
    if (free.length === 0) return rest[0]?.name ?? null;
    for (const step of free) ordered.add(step.name);
    rest = rest.filter((step) => !ordered.has(step.name));
  }
}

function invalid(label: string, reason: string): BrokerError {
  return new BrokerError('ERR_TEMPLATE_INVALID', `template ${label}: ${reason}`);
}
