import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BrokerEvents, createEvents } from '../../src/events.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { COUNTERS } from '../../src/telemetry/names.ts';

const STEP = { taskUuid: '1', stepUuid: '2', stepName: 's', attempt: 1, correlationId: '3' };
const settled = (code: string | null): BrokerEvents['step:settled'] => ({
  ...STEP,
  handler: 'h@1.0.0',
  outcome: code === null ? 'completed' : 'failed',
  code,
  message: null,
  executionMs: 1,
  settlement: 'settled',
});

describe('the counters of a broker', () => {
  it('count what its events tell', async () => {
    const events = createEvents();
    const metrics = createMetrics(events);
    events.emit('step:settled', settled(null));
    events.emit('step:settled', settled('ERR_LIMIT_FUEL'));
    events.emit('call:refused', { ...STEP, call: 'http_request', code: 'ERR_HTTP_ADDRESS', target: 'x' });
    events.emit('handler:refused', { folder: 'f', code: 'ERR_IMPORT_UNKNOWN', message: 'm' });
    events.emit('lane:lost', { lane: 0, reason: 'r' });
    events.emit('handler:quarantined', { handler: 'h', digest: 'd' });
    const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.sort()).toEqual([
      'wasm_broker_handlers_quarantined_total 1',
      'wasm_broker_handlers_refused_total{code="ERR_IMPORT_UNKNOWN"} 1',
      'wasm_broker_host_calls_refused_total{call="http_request",code="ERR_HTTP_ADDRESS"} 1',
      'wasm_broker_lanes_lost_total 1',
      'wasm_broker_steps_settled_total{outcome="completed",code=""} 1',
      'wasm_broker_steps_settled_total{outcome="failed",code="ERR_LIMIT_FUEL"} 1',
    ]);
  });

  it('have one series for everything that handlers make up', async () => {
    const events = createEvents();
    const metrics = createMetrics(events);
    for (let index = 0; index < 1000; index += 1) events.emit('step:settled', settled(`own_${index}`));
    expect(await metrics.text()).toContain(
      'wasm_broker_steps_settled_total{outcome="failed",code="handler"} 1000',
    );
  });

  it('have one series for all host calls that there are not', async () => {
    const events = createEvents();
    const metrics = createMetrics(events);
    for (let number = 100; number < 1100; number += 1) {
      events.emit('call:refused', {
        ...STEP,
        call: `#${number}`,
        code: 'ERR_HOST_CALL_INVALID',
        target: 'x',
      });
    }
    expect(await metrics.text()).toContain(
      'wasm_broker_host_calls_refused_total{call="unknown",code="ERR_HOST_CALL_INVALID"} 1000',
    );
  });

  it('stand in docs/events.md', () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/events.md'), 'utf8');
    const documented = [...page.matchAll(/^\| `(wasm_broker_\w+)` \| ([^|]*)\|/gm)];
    expect(documented.map(([, name, labels]) => [name, labels?.trim()])).toEqual(
      Object.entries(COUNTERS).map(([name, { labels }]) => [name, labels.join(', ')]),
    );
  });
});
