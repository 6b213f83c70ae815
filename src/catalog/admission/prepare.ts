import { createHash } from 'node:crypto';
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
import { ABI_ENTRY, type Abi, PLAIN_ABI, PLAIN_EXPORTS } from '../../model/abi.ts';
import type { Limits } from '../../model/limits.ts';
import type { Verdict } from '../../model/verdict.ts';
import type { PreparedModule } from '../artifact.ts';
import { inspectModule } from '../inspect.ts';
import { meteringRefusal } from '../metering-refusal.ts';
import { compileModule } from './compile-module.ts';
import { takeImage } from './image.ts';
import { MEMORY_IMPORT } from './memory-import.ts';
import { allowed } from './refused.ts';
import { TABLE_ELEMENTS_MAX } from './table-elements-max.ts';

// untrusted: the whole pipeline works on a module's bytes; the last step runs its start function
/**
 * inspect → keep the exports of its ABI → clamp memory and tables → import the memory → meter → compile → take an image. Throws a
 * `BrokerError` with the code of the first refusal. Belongs in a process with limits.
 */
export function prepareModule(bytes: Uint8Array, limits: Limits): PreparedModule {
  const { abi, description, capabilities, suspends } = allowed(inspectModule(bytes, limits));
  const { metered, offsets } = allowed(rewrite(bytes, abi, limits));
  const [memory] = description.memories;
  const facts = {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    abi,
    publishedBytes: bytes.byteLength,
    meteredBytes: metered.bytes.byteLength,
    costTableHash: metered.costTableHash,
    // The memory is the sandbox's own and used again, and costs what a new one would.
    initialFuel: metered.initialCost + pagesFuel(memory?.minPages ?? 0),
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
  const image = takeImage(metered, facts, limits);
  // For an image, the engine has compiled the same code.
  if (image === null) compileModule(metered.bytes);
  return { facts, metered: metered.bytes, image, offsets, component: null };
}

/** Fuel for the pages that a guest starts with. */
export function pagesFuel(pages: number): number {
  return pages * COST_TABLE.lengths['memory.grow'].multiplier;
}

/** What the host uses. Not the memory of `tasker-core/1`, which the sandbox hands in: an export costs 2 µs an instance. */
const KEPT_EXPORTS = [ABI_ENTRY];
const KEPT_PLAIN_EXPORTS = Object.keys(PLAIN_EXPORTS);

interface Rewritten {
  readonly metered: Metered;
  /** Metered → published. */
  readonly offsets: Offsets;
}

function rewrite(bytes: Uint8Array, abi: Abi, limits: Limits): Verdict<Rewritten> {
  try {
    const kept = keepExports(bytes, abi === PLAIN_ABI ? KEPT_PLAIN_EXPORTS : KEPT_EXPORTS);
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
