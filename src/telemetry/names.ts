/** The counters of a broker, by their names on the wire. `docs/events.md` lists them; a test compares. */
export const COUNTERS = Object.freeze({
  wasm_broker_steps_settled_total: {
    help: 'Steps whose result was reported, by how they ended.',
    labels: ['outcome', 'code'],
  },
  wasm_broker_host_calls_refused_total: {
    help: 'Host calls of guests that were refused or failed.',
    labels: ['call', 'code'],
  },
  wasm_broker_handlers_refused_total: {
    help: 'Handlers that were not admitted to the catalog.',
    labels: ['code'],
  },
  wasm_broker_lanes_lost_total: { help: 'Lanes that died or were ended.', labels: [] },
  wasm_broker_handlers_quarantined_total: {
    help: 'Modules that brought down their lane too often.',
    labels: [],
  },
} as const satisfies Record<string, { readonly help: string; readonly labels: readonly string[] }>);

export type CounterName = keyof typeof COUNTERS;
