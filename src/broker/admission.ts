import * as z from 'zod';
import type { Catalog, CatalogEntry } from '../catalog/catalog.ts';
import { effectiveGrants } from '../model/attenuate.ts';
import { Grants } from '../model/grant.ts';
import type { StepInvocation } from '../model/invocation.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';
import { clampLimits, type Limits, PartialLimits } from '../model/limits.ts';
import { describeIssues } from '../model/parse.ts';
import { resolveReferences } from '../model/references.ts';
import { secretMarkOf } from '../model/secret-mark.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import { missingGrant } from '../sandbox/missing-grant.ts';
import type { OutputSchemas } from './output-schema.ts';
import { type Policy, policyFor } from './policy.ts';

/** An invocation that may run, with everything it runs with. */
export interface Admitted {
  readonly entry: CatalogEntry;
  readonly input: string;
  readonly config: string;
  readonly grants: Grants;
  readonly limits: Limits;
  /** What its output has to fit. */
  readonly outputSchemas: OutputSchemas;
  /** Tells the author's secret references from data that looks like them. */
  readonly secretMark: string;
}

/** The reserved key of `handler.initialization` with which a step narrows what its handler may do. */
export const NARROWING_KEY = '$broker';
/** The reserved key that holds the value the handler works on. Default: the task's context. */
export const INPUT_KEY = 'input';

/** What stands there. */
export const Narrowing = z.strictObject({ grants: Grants.optional(), limits: PartialLimits.optional() });

/** The verdict on an invocation, before anything of it runs. */
export async function admitInvocation(
  invocation: StepInvocation,
  catalog: Catalog,
  policy: Policy,
): Promise<Verdict<Admitted>> {
  const found = catalog.find(invocation.callable);
  if (!found.allowed) return found;
  const { entry } = found;
  const narrowing = Narrowing.safeParse(invocation.initialization[NARROWING_KEY] ?? {});
  if (!narrowing.success) {
    return refuse(
      'ERR_CONFIG_SCHEMA',
      `step ${invocation.stepName}, $broker: ${describeIssues(narrowing.error)}`,
    );
  }
  const outputSchemas = outputSchemasOf(invocation, entry, catalog);
  if (!outputSchemas.allowed) return outputSchemas;
  const secretMark = secretMarkOf(invocation.stepUuid);
  const documents = resolveDocuments(invocation, secretMark);
  if (!documents.allowed) return documents;
  const checked = await entry.checkConfig(documents.config);
  if (!checked.allowed)
    return refuse(checked.code, `step ${invocation.stepName}: ${checked.message}`, checked.details);
  const requested = entry.artifact.manifest?.capabilities ?? [];
  const grants = effectiveGrants(requested, policyFor(policy, entry.name), narrowing.data.grants);
  const missing = missingGrant(entry.artifact, grants, entry.name);
  if (missing !== null) return missing;
  return {
    allowed: true,
    entry,
    input: JSON.stringify(documents.input),
    config: JSON.stringify(documents.config),
    grants,
    limits: limitsOf(invocation, entry, policy, narrowing.data.limits),
    outputSchemas: outputSchemas.schemas,
    secretMark,
  };
}

function limitsOf(
  invocation: StepInvocation,
  entry: CatalogEntry,
  policy: Policy,
  narrowed: PartialLimits | undefined,
): Limits {
  const timeout = invocation.timeoutMs === null ? undefined : { wall_ms: Math.max(1, invocation.timeoutMs) };
  return clampLimits(policy.limits, entry.artifact.manifest?.limits, narrowed, timeout);
}

/** A step whose result could not be checked does not run. */
function outputSchemasOf(
  { stepName, resultSchema }: StepInvocation,
  { checkOutput }: CatalogEntry,
  catalog: Catalog,
): Verdict<{ readonly schemas: OutputSchemas }> {
  if (resultSchema === null) return { allowed: true, schemas: { manifest: checkOutput, template: null } };
  const compiled = catalog.resultSchema(resultSchema);
  if (!compiled.allowed) return refuse(compiled.code, `step ${stepName}, ${compiled.message}`);
  return { allowed: true, schemas: { manifest: checkOutput, template: compiled.check } };
}

/** Input and configuration with their references resolved; secrets stay references. */
function resolveDocuments(
  invocation: StepInvocation,
  secretMark: string,
): Verdict<{ readonly input: JsonValue; readonly config: JsonObject }> {
  const { [NARROWING_KEY]: _narrowing, ...initialization } = invocation.initialization;
  const resolved = resolveReferences(initialization, {
    context: invocation.context,
    steps: invocation.dependencies,
    secretMark,
  });
  if (!resolved.allowed)
    return refuse(resolved.code, `step ${invocation.stepName}: ${resolved.message}`, resolved.details);
  if (!isJsonObject(resolved.value))
    return refuse('ERR_CONFIG_SCHEMA', `step ${invocation.stepName}: expected an object`);
  const { [INPUT_KEY]: input, ...config } = resolved.value;
  return { allowed: true, input: input ?? invocation.context, config };
}
