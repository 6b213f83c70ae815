import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, createBroker } from '../../src/broker/broker.ts';
import { type CatalogEntry, createCatalog } from '../../src/catalog/catalog.ts';
import { type BrokerEvents, createEvents } from '../../src/events.ts';
import type { GrantInput } from '../../src/model/grant.ts';
import type { StepInvocation } from '../../src/model/invocation.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { createMemoryQueue, type MemoryQueue } from '../../src/queue/memory.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { COUNTER } from '../guests/counter.ts';
import { ENDLESS, guest, text } from '../guests/wat.ts';
import { stepInvocation } from '../support/invocations.ts';

const WAIT: GrantInput = { capability: 'wait', timeout_ms: 60_000 };

const asks = (call: 'checkpoint' | 'wait', request: string) => {
  const { field, args } = text(16, request);
  return guest({ imports: [call], fields: field, body: `(call $${call} ${args}) (unreachable)` });
};

describe('a step that goes on later', () => {
  let sandbox: Sandbox;
  let queue: MemoryQueue;
  let broker: Broker;
  let nowMs: number;
  let entries: CatalogEntry[];
  const settled: BrokerEvents['step:settled'][] = [];
  const told: [string, unknown][] = [];

  beforeAll(async () => {
    sandbox = createSandbox({ lanes: 1 });
    const entry = async (name: string, bytes: Uint8Array): Promise<CatalogEntry> => ({
      name,
      version: '1.0.0',
      artifact: await sandbox.admit(bytes, {
        name,
        version: '1.0.0',
        abi: 'tasker-core/1',
        capabilities: [WAIT],
      }),
      checkConfig: async () => ({ allowed: true }),
      configSchema: {},
      checkOutput: null,
    });
    entries = [
      await entry('counter', COUNTER),
      await entry('forever', asks('checkpoint', '{"cursor":null,"items_processed":0}')),
      await entry('bad_checkpoint', asks('checkpoint', '{"items_processed":-1}')),
      await entry('gate', asks('wait', '{"reason":"may I?","timeout_ms":60000,"data":[1]}')),
      await entry('impatient', asks('wait', '{"reason":"may I?","timeout_ms":60001}')),
      await entry('bad_wait', asks('wait', '{"reason":""}')),
      await entry('endless', ENDLESS),
    ];
  });
  afterAll(() => sandbox.close());

  beforeEach(() => {
    nowMs = 1_000_000;
    settled.length = 0;
    told.length = 0;
    queue = createMemoryQueue({ now: () => nowMs });
    const events = createEvents();
    events.on('step:settled', (event) => settled.push(event));
    events.on('step:checkpoint', ({ itemsProcessed }) => told.push(['checkpoint', itemsProcessed]));
    events.on('step:waiting', ({ timeoutMs }) => told.push(['waiting', timeoutMs]));
    broker = createBroker({
      queue,
      sandbox,
      catalog: createCatalog(entries),
      policy: { grants: { '*': [WAIT as never] }, limits: { ...DEFAULT_LIMITS, checkpoints: 5 } },
      slots: 1,
      events,
      now: () => nowMs,
    });
    broker.start();
  });
  afterEach(async () => {
    await broker.drain();
    await queue.close();
  });

  const run = async (given: Partial<StepInvocation>) => {
    const invocation = stepInvocation(given);
    queue.enqueue(invocation);
    const ends = () => settled.length + told.filter(([what]) => what === 'waiting').length;
    await expect.poll(ends, { timeout: 20_000 }).toBe(1);
    return invocation;
  };

  it('is run again from each checkpoint, in one attempt', async () => {
    const { stepUuid } = await run({ callable: 'counter' });
    expect(told).toEqual([
      ['checkpoint', 10],
      ['checkpoint', 20],
      ['checkpoint', 30],
    ]);
    expect(settled).toMatchObject([{ outcome: 'completed', attempt: 1 }]);
    expect(queue.resultOf(stepUuid)?.output).toMatchObject({
      step: 'step',
      attempt: 1,
      batch: null,
      checkpoint: { cursor: 3, items_processed: 30, accumulated_results: null },
    });
  });

  it('goes on where an earlier attempt got to', async () => {
    await run({ callable: 'counter', checkpoint: { cursor: 2, items_processed: 20, history: [] } });
    expect(told).toEqual([['checkpoint', 30]]);
  });

  it('is ended when it yields more often than it may', async () => {
    await run({ callable: 'forever' });
    expect(settled).toMatchObject([{ outcome: 'exhausted', code: 'ERR_LIMIT_CHECKPOINTS' }]);
    expect(settled[0]?.message).toContain('limits.checkpoints = 5');
    expect(told).toHaveLength(5);
  });

  it('is trapped when its request is none', async () => {
    await run({ callable: 'bad_checkpoint' });
    expect(settled).toMatchObject([{ outcome: 'trapped', code: 'ERR_GUEST_PROTOCOL' }]);
    settled.length = 0;
    await run({ callable: 'bad_wait' });
    expect(settled).toMatchObject([{ outcome: 'trapped', code: 'ERR_GUEST_PROTOCOL' }]);
  });

  it('leaves its slot to others while it waits for a person, and gets the decision as its result', async () => {
    const { stepUuid } = await run({ callable: 'gate' });
    expect(told).toEqual([['waiting', 60_000]]);
    expect(broker.inFlight).toBe(0);
    queue.enqueue(stepInvocation({ callable: 'counter' }));
    await expect.poll(() => settled).toMatchObject([{ handler: 'counter@1.0.0', outcome: 'completed' }]);
    nowMs += 5000;
    expect(queue.decide(stepUuid, { decision: 'approved', by: 'ada', comment: '', data: 2 })).toBe(true);
    expect(queue.resultOf(stepUuid)).toMatchObject({
      success: true,
      output: { decision: 'approved', by: 'ada', data: 2, asked: [1], waited_ms: 5000 },
      handlerVersion: 'gate@1.0.0',
      custom: { receipt: { outcome: 'waiting' } },
    });
    expect(queue.decide(stepUuid, 'timed_out')).toBe(false);
  });

  it('may not wait for longer than it was granted, nor without the grant', async () => {
    await run({ callable: 'impatient' });
    expect(settled).toMatchObject([{ outcome: 'trapped', code: 'ERR_GRANT_MISSING' }]);
    expect(settled[0]?.message).toContain('60001; the grant "wait" allows 60000');
    settled.length = 0;
    await run({ callable: 'gate', initialization: { $broker: { grants: [] } } });
    expect(settled).toMatchObject([{ outcome: 'refused', code: 'ERR_GRANT_MISSING' }]);
  });

  it('that is the placeholder of a batch without work is completed without its handler', async () => {
    const batch = { batch_id: '000', start_cursor: null, end_cursor: null, batch_size: 0, is_no_op: true };
    const { stepUuid } = await run({ callable: 'endless', stepType: 'batch_worker', batch });
    expect(queue.resultOf(stepUuid)).toMatchObject({
      success: true,
      output: { no_op: true, batch_id: '000' },
    });
  });
});

describe('a step that is cancelled while it runs', () => {
  it('is broken off, and what became of it is not reported', async () => {
    const sandbox = createSandbox({ lanes: 1, limits: { fuel: Number.MAX_SAFE_INTEGER } });
    const queue = createMemoryQueue();
    const artifact = await sandbox.admit(ENDLESS);
    const endless = {
      name: 'endless',
      version: '1.0.0',
      artifact,
      checkConfig: async () => ({ allowed: true }) as const,
      configSchema: {},
      checkOutput: null,
    };
    const events = createEvents();
    const settled: BrokerEvents['step:settled'][] = [];
    events.on('step:settled', (event) => settled.push(event));
    events.on('step:started', ({ stepUuid }) => queue.cancel(stepUuid));
    const broker = createBroker({
      queue,
      sandbox,
      catalog: createCatalog([endless]),
      policy: { grants: {}, limits: { ...DEFAULT_LIMITS, fuel: Number.MAX_SAFE_INTEGER } },
      slots: 1,
      events,
    });
    const step = stepInvocation({ callable: 'endless' });
    queue.enqueue(step);
    broker.start();
    await expect.poll(() => settled).toMatchObject([{ outcome: 'aborted', settlement: 'lost' }]);
    expect(queue.resultOf(step.stepUuid)).toBeUndefined();
    await broker.drain();
    await queue.close();
    await sandbox.close();
  });
});

describe('draining', () => {
  let sandbox: Sandbox;
  beforeAll(() => {
    sandbox = createSandbox({ lanes: 2, inFlightPerLane: 1, limits: { fuel: Number.MAX_SAFE_INTEGER } });
  });
  afterAll(() => sandbox.close());

  it('gives back what has not ended within its grace, and the attempt does not count', async () => {
    const queue = createMemoryQueue();
    const endless: CatalogEntry = {
      name: 'endless',
      version: '1.0.0',
      artifact: await sandbox.admit(ENDLESS),
      checkConfig: async () => ({ allowed: true }),
      configSchema: {},
      checkOutput: null,
    };
    const events = createEvents();
    const settled: BrokerEvents['step:settled'][] = [];
    events.on('step:settled', (event) => settled.push(event));
    let started = 0;
    events.on('step:started', () => (started += 1));
    const broker = createBroker({
      queue,
      sandbox,
      catalog: createCatalog([endless]),
      policy: { grants: {}, limits: { ...DEFAULT_LIMITS, fuel: Number.MAX_SAFE_INTEGER } },
      slots: 3,
      events,
    });
    // Two run, the third waits for a lane: all of them are given back.
    const steps = [1, 2, 3].map(() => stepInvocation({ callable: 'endless', attempt: 3, maxAttempts: 3 }));
    for (const step of steps) queue.enqueue(step);
    broker.start();
    await expect.poll(() => started).toBe(3);
    await broker.drain({ graceMs: 50 });
    expect(broker.state).toBe('stopped');
    for (const { stepUuid } of steps) {
      expect(queue.resultOf(stepUuid)).toMatchObject({
        success: false,
        uncounted: true,
        error: { code: 'ERR_ABORTED', retryable: true, retryAfterMs: 0 },
      });
    }
    const again = await queue.claim(5);
    expect(again.map(({ invocation }) => invocation.attempt)).toEqual([3, 3, 3]);
    await queue.close();
  });

  it('gives up on a queue that stays away, and says so', async () => {
    const queue = createMemoryQueue();
    const away = { ...queue, settle: () => Promise.reject(new Error('connection refused')) };
    const events = createEvents();
    const errors: string[] = [];
    events.on('queue:error', ({ message }) => errors.push(message));
    const broker = createBroker({
      queue: away,
      sandbox,
      catalog: createCatalog([]),
      policy: { grants: {}, limits: DEFAULT_LIMITS },
      slots: 1,
      events,
    });
    queue.enqueue(stepInvocation({ callable: 'unknown' }));
    broker.start();
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await broker.drain({ graceMs: 0, abandonMs: 0 });
    expect(broker.state).toBe('stopped');
    await queue.close();
  });
});
