import { createHash } from 'node:crypto';
import { BrokerError, messageOf } from '../../errors.ts';
import {
  COST_TABLE,
  clampMemory,
  clampTable,
  importMemory,
  keepExports,
  type Metered,
  meter,
  type Offsets,
} from '../../metering/index.ts';
import { ABI_ENTRY } from '../../model/abi.ts';
import type { Limits } from '../../model/limits.ts';
import type { Refusal, Verdict } from '../../model/verdict.ts';
import type { PreparedModule } from '../artifact.ts';
import { type Inspected, inspectModule } from '../inspect.ts';
import { meteringRefusal } from '../metering-refusal.ts';
import { takeImage } from './image.ts';
import { MEMORY_IMPORT } from './memory-import.ts';

/** Elements a guest's tables may have; V8 spends about 30 bytes on each. */
const TABLE_ELEMENTS_MAX = 100_000;

// untrusted: the whole pipeline works on a module's bytes; the last step runs its start function
/**
 * inspect → keep one export → clamp memory and tables → import the memory → meter → compile → take an image. Throws a
 * `BrokerError` with the code of the first refusal. Belongs in a process with limits.
 */
export function prepareModule(bytes: Uint8Array, limits: Limits): PreparedModule {
  const { description, capabilities, suspends } = allowed(inspectModule(bytes, limits));
  const { metered, offsets } = allowed(rewrite(bytes, limits));
  compileModule(metered.bytes);
  const [memory] = description.memories;
  const facts = {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    publishedBytes: bytes.byteLength,
    meteredBytes: metered.bytes.byteLength,
    costTableHash: metered.costTableHash,
    // The memory is the sandbox's own and used again, and costs what a new one would.
    initialFuel: metered.initialCost + (memory?.minPages ?? 0) * COST_TABLE.lengths['memory.grow'].multiplier,
    uncountedBytes: metered.uncountedBytes,
    fuelExport: metered.fuelExport,
    depthExport: metered.depthExport,
    deniedGrowExport: metered.deniedGrowExport ?? null,
    startExport: metered.startExport ?? null,
    memoryMinPages: memory?.minPages ?? 0,
    memoryMaxPages: Math.min(memory?.maxPages ?? limits.memory_pages, limits.memory_pages),
    capabilities,
    suspends,
  };
  return { facts, metered: metered.bytes, image: takeImage(metered, facts, limits), offsets };
}

interface Rewritten {
  readonly metered: Metered;
  /** Metered → published. */
  readonly offsets: Offsets;
}

function rewrite(bytes: Uint8Array, limits: Limits): Verdict<Rewritten> {
  try {
    // The sandbox has the memory that it hands in, so its export is not kept either: each one costs 2 µs an instance.
    const kept = keepExports(bytes, [ABI_ENTRY]);
    const clamped = clampTable(clampMemory(kept, { maxPages: limits.memory_pages }), {
      maxElements: TABLE_ELEMENTS_MAX,
    });
    const prepared = importMemory(clamped, MEMORY_IMPORT);
    const metered = meter(prepared);
    // What these passes change comes before the code.
    const shift = bytes.byteLength - prepared.byteLength;
    const { metered: from, original } = metered.offsets;
    const offsets = { metered: from, original: original.map((offset) => offset + shift) };
    return { allowed: true, metered, offsets };
  } catch (error) {
    return meteringRefusal(error);
  }
}

/** The engine's own validation: the rewriter reads what it needs, V8 judges the rest. */
export function compileModule(metered: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(metered);
  } catch (error) {
    throw new BrokerError('ERR_MODULE_MALFORMED', `the engine refuses the module: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function allowed<Value extends Inspected | Rewritten>(verdict: Verdict<Value>): Value {
  if (verdict.allowed) return verdict as Value;
  const refusal: Refusal = verdict as Refusal;
  throw new BrokerError(
    refusal.code,
    refusal.message,
    refusal.details === undefined ? {} : { details: refusal.details },
  );
}
