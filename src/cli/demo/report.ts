import type { JsonObject, JsonValue } from '../../model/json.ts';
import { isJsonObject } from '../../model/json.ts';
import type { Receipt } from '../../model/receipt.ts';
import { formatBytes, formatCount, formatMs, renderTable } from '../render/table.ts';

/** One step as the engine's tables have it. */
export interface StepRow {
  readonly name: string;
  readonly state: string;
  readonly attempts: number;
  /** The StepExecutionResult, or null while there is none. */
  readonly results: JsonValue;
}

/** One line of the report; the wire form of `--json`. */
export interface StepReport {
  readonly name: string;
  readonly handler: string | null;
  readonly outcome: string;
  readonly attempts: number;
  readonly fuel: number;
  readonly peak_memory_bytes: number;
  readonly host_calls: number;
  readonly wall_ms: number;
}

/** What is reported of a step: its state, and what its receipt says. */
export function reportStep(step: StepRow): StepReport {
  const receipt = receiptOf(step.results);
  return {
    name: step.name,
    handler: receipt?.handler ?? null,
    outcome: receipt?.outcome ?? step.state,
    attempts: step.attempts,
    fuel: receipt?.fuel ?? 0,
    peak_memory_bytes: receipt?.peak_memory_bytes ?? 0,
    host_calls: receipt?.host_calls.length ?? 0,
    wall_ms: receipt?.wall_ms ?? 0,
  };
}

/** The table that closes a run. */
export function renderReport(steps: readonly StepReport[]): string {
  return renderTable(
    ['step', 'handler', 'outcome', 'attempts', 'fuel', 'peak memory', 'host calls', 'time'],
    steps.map((step) => [
      step.name,
      step.handler ?? '-',
      step.outcome,
      String(step.attempts),
      formatCount(step.fuel),
      formatBytes(step.peak_memory_bytes),
      String(step.host_calls),
      formatMs(step.wall_ms),
    ]),
  );
}

/** The business value of a step's result. */
export function resultOf(step: StepRow | undefined): JsonValue {
  return isJsonObject(step?.results) ? (step.results['result'] ?? null) : null;
}

/** Code and message of a step's failure, if it failed. */
export function failureOf(step: StepRow): string | null {
  const error = isJsonObject(step.results) ? step.results['error'] : null;
  return isJsonObject(error) ? String(error['message']) : null;
}

function receiptOf(results: JsonValue): Receipt | null {
  const receipt = dig(results, ['metadata', 'custom', 'receipt']);
  return isJsonObject(receipt) ? (receipt as unknown as Receipt) : null;
}

function dig(value: JsonValue, path: readonly string[]): JsonValue {
  return path.reduce<JsonValue>(
    (at, key) => (isJsonObject(at) ? ((at as JsonObject)[key] ?? null) : null),
    value,
  );
}
