import * as z from 'zod';
import type { StepInvocation, StepType } from '../model/invocation.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { referencedSteps } from '../model/references.ts';
import type { StepError } from '../model/step-result.ts';
import { readBatchPosition } from './batch-position.ts';
import type { Queryable } from './connection.ts';
import { type Branches, branchesOf } from './outcome-checks.ts';
import { LOAD_DEPENDENCIES, LOAD_STEPS } from './sql/hydrate.ts';
import { TemplateStep } from './template.ts';

/** A claimed step with everything its handler needs. */
export interface HydratedStep {
  readonly invocation: StepInvocation;
  /** The step's own flag; false: Tasker never runs it again. */
  readonly retryable: boolean;
  /** What its outcome may create. */
  readonly branches: Branches;
}

/** A claimed step that cannot run, and why. */
export interface UnusableStep {
  readonly stepUuid: string;
  readonly attempt: number;
  readonly error: StepError;
}

interface StepRow {
  readonly step_uuid: string;
  readonly task_uuid: string;
  readonly correlation_id: string;
  readonly namespace: string;
  readonly task_name: string;
  readonly task_version: string;
  readonly step_name: string;
  readonly template_step_name: string;
  readonly inputs: JsonValue;
  readonly checkpoint: JsonValue;
  readonly attempts: number | null;
  readonly max_attempts: number | null;
  readonly retryable: boolean;
  readonly context: JsonValue;
  readonly template_step: JsonValue;
  readonly template_outline: JsonValue;
}

/** Tasker gives up a task that has been in process for 30 minutes; a step has to be over before. */
const TIMEOUT_MAX_MS = 25 * 60_000;
/** What Tasker puts beside a step's configuration in `workflow_steps.inputs`. */
const TEMPLATE_NAME_KEY = '__template_step_name';
const BATCH_WORKER_KEYS = ['cursor', 'batch_metadata', 'is_no_op'];

/**
 * Loads claimed steps, in the order given: two statements, however many there are. The second fetches only the results that the steps'
 * configurations refer to.
 */
export async function hydrateSteps(
  database: Queryable,
  stepUuids: readonly string[],
): Promise<{ readonly steps: readonly HydratedStep[]; readonly unusable: readonly UnusableStep[] }> {
  const described = await describeSteps(database, stepUuids);
  const dependencies = await loadDependencies(database, described.steps);
  const steps = described.steps.map((step) => ({
    ...step,
    invocation: {
      ...step.invocation,
      dependencies: Object.fromEntries(dependencies.get(step.invocation.stepUuid) ?? []),
    },
  }));
  return { steps, unusable: described.unusable };
}

/** As `hydrateSteps`, without results of other steps: enough to settle a step that will not run. */
export async function describeSteps(
  database: Queryable,
  stepUuids: readonly string[],
): Promise<{ readonly steps: readonly HydratedStep[]; readonly unusable: readonly UnusableStep[] }> {
  if (stepUuids.length === 0) return { steps: [], unusable: [] };
  const { rows } = await database.query<StepRow>(LOAD_STEPS, [stepUuids]);
  const order = new Map(stepUuids.map((stepUuid, index) => [stepUuid, index]));
  rows.sort((a, b) => (order.get(a.step_uuid) ?? 0) - (order.get(b.step_uuid) ?? 0));
  const steps: HydratedStep[] = [];
  const unusable: UnusableStep[] = [];
  for (const row of rows) {
    const step = describeStep(row);
    if ('error' in step) unusable.push(step);
    else steps.push(step);
  }
  return { steps, unusable };
}

async function loadDependencies(
  database: Queryable,
  steps: readonly HydratedStep[],
): Promise<ReadonlyMap<string, readonly [string, JsonValue][]>> {
  const wanted = steps.flatMap(({ invocation }) =>
    referencedSteps(invocation.initialization).map((name) => [invocation.stepUuid, name] as const),
  );
  const results = new Map<string, [string, JsonValue][]>();
  if (wanted.length === 0) return results;
  const { rows } = await database.query<{ step_uuid: string; name: string; result: JsonValue }>(
    LOAD_DEPENDENCIES,
    [wanted.map(([stepUuid]) => stepUuid), wanted.map(([, name]) => name)],
  );
  for (const row of rows) {
    const entries = results.get(row.step_uuid) ?? [];
    entries.push([row.name, row.result]);
    results.set(row.step_uuid, entries);
  }
  return results;
}

// untrusted: templates, inputs and contexts were written by other programs.
function describeStep(row: StepRow): HydratedStep | UnusableStep {
  const attempt = row.attempts ?? 1;
  const unusable = (code: string, errorType: string, message: string): UnusableStep => ({
    stepUuid: row.step_uuid,
    attempt,
    error: { code, message, errorType, retryable: false, retryAfterMs: null },
  });
  const template = `${row.namespace}/${row.task_name} ${row.task_version}`;
  if (row.template_step === null) {
    const message = `template ${template} has no step ${row.template_step_name}; register a template that has it`;
    return unusable('ERR_TEMPLATE_INVALID', 'handler_not_found', message);
  }
  const parsed = TemplateStep.safeParse(row.template_step);
  if (!parsed.success) {
    const message = `step ${row.template_step_name} of template ${template} is broken: ${z.prettifyError(parsed.error)}`;
    return unusable('ERR_TEMPLATE_INVALID', 'permanent_error', message);
  }
  const initialization = configurationOf(row.inputs, parsed.data);
  if (!isJsonObject(initialization)) {
    const message = `expected the inputs of step ${row.step_name} to be an object`;
    return unusable('ERR_TEMPLATE_INVALID', 'permanent_error', message);
  }
  const context = row.context ?? {};
  if (!isJsonObject(context)) {
    return unusable('ERR_INPUT_INVALID', 'validation_error', "expected the task's context to be an object");
  }
  return {
    invocation: invocationOf(row, parsed.data, attempt, initialization, context),
    retryable: row.retryable,
    branches: branchesOf(parsed.data, initialization, row.template_outline),
  };
}

function invocationOf(
  row: StepRow,
  step: TemplateStep,
  attempt: number,
  initialization: JsonObject,
  context: JsonObject,
): StepInvocation {
  return {
    taskUuid: row.task_uuid,
    stepUuid: row.step_uuid,
    correlationId: row.correlation_id,
    namespace: row.namespace,
    taskName: row.task_name,
    taskVersion: row.task_version,
    stepName: row.step_name,
    templateStepName: row.template_step_name,
    stepType: step.type satisfies StepType,
    callable: step.handler.callable,
    attempt,
    // Tasker takes a missing maximum for "no more attempts" when it decides about a retry.
    maxAttempts: row.max_attempts ?? attempt,
    initialization,
    resultSchema: step.result_schema ?? null,
    timeoutMs: Math.min(step.timeout_seconds ? step.timeout_seconds * 1000 : TIMEOUT_MAX_MS, TIMEOUT_MAX_MS),
    retry: {
      backoff: step.retry.backoff,
      backoffBaseMs: step.retry.backoff_base_ms,
      maxBackoffMs: step.retry.max_backoff_ms,
    },
    context,
    batch: step.type === 'batch_worker' ? readBatchPosition(row.inputs) : null,
    checkpoint: isJsonObject(row.checkpoint) ? row.checkpoint : null,
    dependencies: {},
  };
}

/** A step's configuration: its own inputs without what Tasker added to them, else the template's. */
function configurationOf(inputs: JsonValue, step: TemplateStep): JsonValue {
  if (inputs === null) return step.handler.initialization;
  if (!isJsonObject(inputs)) return inputs;
  const reserved =
    step.type === 'batch_worker' ? [TEMPLATE_NAME_KEY, ...BATCH_WORKER_KEYS] : [TEMPLATE_NAME_KEY];
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !reserved.includes(key)));
}
