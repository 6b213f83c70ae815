import { createEvents, type EventName, type Events } from '../../events.ts';
import type { JsonValue } from '../../model/json.ts';
import { createMetrics } from '../../telemetry/metrics.ts';

/** How an attack ended. */
export interface Ended {
  readonly outcome: string;
  readonly code: string | null;
  readonly output: JsonValue;
}

/** All that an operator can know of an attack, and all that left by it. */
export interface Observed extends Ended {
  /** Names of the events, in order. */
  readonly events: readonly EventName[];
  /** Counters above zero, one a line. */
  readonly counters: readonly string[];
  readonly dialled: readonly string[];
  /** Events, results and receipts, and what arrived at hosts that the secret is not bound to. */
  readonly left: string;
  /** The lane still serves. */
  readonly servesOn: boolean;
}

export interface Watch {
  readonly events: Events;
  readonly told: readonly { readonly name: EventName; readonly event: unknown }[];
  counters(): Promise<readonly string[]>;
}

/** A broker's events, remembered and counted. */
export function watch(): Watch {
  const events = createEvents();
  const metrics = createMetrics(events);
  const told: { name: EventName; event: unknown }[] = [];
  return {
    events: {
      ...events,
      emit(name, event) {
        told.push({ name, event });
        events.emit(name, event);
      },
    },
    told,
    counters: async () =>
      (await metrics.text())
        .split('\n')
        .filter((line) => !line.startsWith('#') && /[^ ] [1-9]\d*$/.test(line)),
  };
}
