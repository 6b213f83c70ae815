import { Counter, Registry } from 'prom-client';
import { ERROR_CODES } from '../errors.ts';
import type { Events } from '../events.ts';
import { COUNTERS, type CounterName } from './names.ts';

/** The counters of one broker. */
export interface Metrics {
  /** Prometheus text format, version 0.0.4. */
  text(): Promise<string>;
}

/** Counts what a broker's events tell. */
export function createMetrics(events: Events): Metrics {
  const registry = new Registry();
  const counters = new Map(
    Object.entries(COUNTERS).map(([name, { help, labels }]) => [
      name,
      new Counter({ name, help, labelNames: [...labels], registers: [registry] }),
    ]),
  );
  const count = (name: CounterName, labels: Readonly<Record<string, string>> = {}) =>
    counters.get(name)?.inc(labels);
  events.on('step:settled', ({ outcome, code }) =>
    count('wasm_broker_steps_settled_total', { outcome, code: labelOf(code) }),
  );
  events.on('call:refused', ({ call, code }) =>
    count('wasm_broker_host_calls_refused_total', { call: callLabelOf(call), code: labelOf(code) }),
  );
  events.on('handler:refused', ({ code }) =>
    count('wasm_broker_handlers_refused_total', { code: labelOf(code) }),
  );
  events.on('lane:lost', () => count('wasm_broker_lanes_lost_total'));
  events.on('handler:quarantined', () => count('wasm_broker_handlers_quarantined_total'));
  return Object.freeze({ text: () => registry.metrics() });
}

/** What handlers call their own failures. Each value of a label is a series for ever: a guest must not choose it. */
const HANDLERS_OWN = 'handler';

function labelOf(code: string | null): string {
  if (code === null) return '';
  return Object.hasOwn(ERROR_CODES, code) ? code : HANDLERS_OWN;
}

/** Calls by a number that there is no call of, which only a worker that was taken over makes. */
const NO_CALL = 'unknown';

function callLabelOf(call: string): string {
  return call.startsWith('#') ? NO_CALL : call;
}
