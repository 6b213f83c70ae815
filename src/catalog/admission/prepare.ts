import { createHash } from 'node:crypto';
import {
  clampMemory,
  clampTable,
  importMemory,
  keepExports,
  type Metered,
  meter,
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
  const metered = allowed(rewrite(bytes, abi, limits));
  compileModule(metered.bytes);
  const [memory] = description.memories;
  const facts = {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    abi,
    publishedBytes: bytes.byteLength,
    meteredBytes: metered.bytes.byteLength,
    costTableHash: metered.costTableHash,
    fuelExport: metered.fuelExport,
    depthExport: metered.depthExport,
    deniedGrowExport: metered.deniedGrowExport ?? null,
    startExport: metered.startExport ?? null,
    memoryMinPages: memory?.minPages ?? 0,
    memoryMaxPages: Math.min(memory?.maxPages ?? limits.memory_pages, limits.memory_pages),
    capabilities,
    suspends,
  };
  return { facts, metered: metered.bytes, image: takeImage(metered, facts, limits), component: null };
}

/** What the host uses. Not the memory of `tasker-core/1`, which the sandbox hands in: an export costs 2 µs an instance. */
const KEPT_EXPORTS = [ABI_ENTRY];
const KEPT_PLAIN_EXPORTS = Object.keys(PLAIN_EXPORTS);

function rewrite(bytes: Uint8Array, abi: Abi, limits: Limits): Verdict<Metered> {
  try {
    const kept = keepExports(bytes, abi === PLAIN_ABI ? KEPT_PLAIN_EXPORTS : KEPT_EXPORTS);
    const clamped = clampTable(clampMemory(kept, { maxPages: limits.memory_pages }), {
      maxElements: TABLE_ELEMENTS_MAX,
    });
    return { allowed: true, ...meter(importMemory(clamped, MEMORY_IMPORT)) };
  } catch (error) {
    return meteringRefusal(error);
  }
}
