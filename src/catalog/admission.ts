import { createHash } from 'node:crypto';
import { BrokerError, messageOf } from '../errors.ts';
import {
  clampMemory,
  clampTable,
  importMemory,
  keepExports,
  type Metered,
  meter,
} from '../metering/index.ts';
import { ABI_ENTRY, ABI_MEMORY } from '../model/abi.ts';
import type { Limits } from '../model/limits.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Refusal, Verdict } from '../model/verdict.ts';
import type { Artifact } from './artifact.ts';
import { type Inspected, inspectModule } from './inspect.ts';
import { meteringRefusal } from './metering-refusal.ts';

/** Elements a guest's tables may have; V8 spends about 30 bytes on each. */
const TABLE_ELEMENTS_MAX = 100_000;

/** Where the rewritten module finds the memory that the sandbox hands it. */
export const MEMORY_IMPORT = Object.freeze({ module: 'host', name: 'memory' });

/**
 * The admission pipeline: inspect → keep two exports → clamp memory and tables → import the memory → meter → compile.
 * Throws a `BrokerError` with the code of the first refusal.
 */
export function admitArtifact(bytes: Uint8Array, manifest: Manifest | null, limits: Limits): Artifact {
  const inspected = allowed(inspectModule(bytes, limits));
  const metered = allowed(rewrite(bytes, limits));
  const memory = inspected.description.memories[0];
  return Object.freeze({
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    manifest,
    module: compile(metered.bytes),
    publishedBytes: bytes.byteLength,
    meteredBytes: metered.bytes.byteLength,
    costTableHash: metered.costTableHash,
    fuelExport: metered.fuelExport,
    depthExport: metered.depthExport,
    deniedGrowExport: metered.deniedGrowExport ?? null,
    startExport: metered.startExport ?? null,
    memoryMinPages: memory?.minPages ?? 0,
    memoryMaxPages: Math.min(memory?.maxPages ?? limits.memory_pages, limits.memory_pages),
    capabilities: inspected.capabilities,
    suspends: inspected.suspends,
  });
}

function rewrite(bytes: Uint8Array, limits: Limits): Verdict<Metered> {
  try {
    const kept = keepExports(bytes, [ABI_ENTRY, ABI_MEMORY]);
    const clamped = clampTable(clampMemory(kept, { maxPages: limits.memory_pages }), {
      maxElements: TABLE_ELEMENTS_MAX,
    });
    return { allowed: true, ...meter(importMemory(clamped, MEMORY_IMPORT)) };
  } catch (error) {
    return meteringRefusal(error);
  }
}

/** The engine's own validation: the rewriter reads what it needs, V8 judges the rest. */
function compile(metered: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(metered);
  } catch (error) {
    throw new BrokerError('ERR_MODULE_MALFORMED', `the engine refuses the module: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function allowed<Value extends Inspected | Metered>(verdict: Verdict<Value>): Value {
  if (verdict.allowed) return verdict as Value;
  const refusal: Refusal = verdict as Refusal;
  throw new BrokerError(
    refusal.code,
    refusal.message,
    refusal.details === undefined ? {} : { details: refusal.details },
  );
}
