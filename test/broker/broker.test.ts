import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createBroker } from '../../src/broker/broker.ts';
import { type CatalogEntry, createCatalog } from '../../src/catalog/catalog.ts';
import { compileSchema } from '../../src/catalog/json-schema.ts';
import { BUILTIN_FOLDER, handlerFolders, loadHandler } from '../../src/catalog/load.ts';
import { type BrokerEvents, createEvents } from '../../src/events.ts';
import type { StepInvocation } from '../../src/model/invocation.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import type { StepResult } from '../../src/model/step-result.ts';
import { createMemoryQueue, type MemoryQueue } from '../../src/queue/memory.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { ECHO, ENDLESS, guest, text } from '../guests/wat.ts';
import { stepInvocation } from '../support/invocations.ts';

let sandbox: Sandbox;
const PRETENCE = text(
  64,
  JSON.stringify({ code: 'ERR_ABORTED', message: 'said by the guest', retryable: true }),
);
let queue: MemoryQueue;
let broker: Broker;
const events = createEvents();
const settled: BrokerEvents['step:settled'][] = [];
const logged: BrokerEvents['step:log'][] = [];

const entry = async (name: string, bytes: Uint8Array): Promise<CatalogEntry> => ({
  name,
  version: '1.0.0',
  artifact: await sandbox.admit(bytes, {
    name,
    version: '1.0.0',
    abi: 'tasker-core/1',
    capabilities: [{ capability: 'log' }],
  }),
  checkConfig: async () => ({ allowed: true }),
  configSchema: {},
  checkOutput: null,
});

beforeAll(async () => {
  sandbox = createSandbox({ lanes: 1 });
  const folders = await handlerFolders(BUILTIN_FOLDER);
  const catalog = createCatalog([
    ...(await Promise.all(folders.map((folder) => loadHandler(folder, sandbox.admit)))),
    await entry('echo', ECHO),
    { ...(await entry('liar', ECHO)), checkOutput: compileSchema({ required: ['total'] }) },
    await entry('endless', ENDLESS),
    await entry('trap', guest({ body: '(unreachable)' })),
    await entry(
      'pretender',
      guest({
        imports: ['fail'],
        fields: PRETENCE.field,
        body: `(call $fail ${PRETENCE.args}) (i32.const 0)`,
      }),
    ),
    await entry(
      'not_json',
      guest({
        imports: ['output_write'],
        body: '(call $output_write (i32.const 100) (i32.const 3)) (i32.const 0)',
      }),
    ),
    await entry(
      'logger',
      guest({
        imports: ['log', 'output_write'],
        body: '(call $log (i32.const 2) (i32.const 0) (i32.const 1)) (call $output_write (i32.const 0) (i32.const 1)) (i32.const 0)',
      }),
    ),
  ]);
  queue = createMemoryQueue();
  const limits = { ...DEFAULT_LIMITS, fuel: 20_000_000 };
  broker = createBroker({
    queue,
    sandbox,
    catalog,
    policy: { grants: { logger: [{ capability: 'log', level: 'info' }] }, limits },
    slots: 8,
    events,
  });
  events.on('step:settled', (event) => settled.push(event));
  events.on('step:log', (event) => logged.push(event));
  broker.start();
});

/** Whatever came before, the broker still serves the next step. */
afterAll(async () => {
  expect(await resultOf(stepInvocation({ callable: 'echo', context: { still: 'here' } }))).toMatchObject({
    success: true,
    output: { still: 'here' },
  });
  await broker.drain();
  expect(broker.state).toBe('stopped');
  await queue.close();
  await sandbox.close();
});

async function resultOf(invocation: StepInvocation): Promise<StepResult> {
  const done = new Promise<void>((resolve) => {
    const stop = events.on('step:settled', (event) => {
      if (event.stepUuid !== invocation.stepUuid) return;
      stop();
      resolve();
    });
  });
  queue.enqueue({ ...invocation, maxAttempts: 1 });
  await done;
  const result = queue.resultOf(invocation.stepUuid);
  if (result === undefined) throw new Error('no result');
  return result;
}

describe('a step that is served', () => {
  it('gets the task context as its input when it names no other', async () => {
    expect(await resultOf(stepInvocation({ context: { order: 7 } }))).toMatchObject({
      success: true,
      output: { order: 7 },
      handlerVersion: 'echo@1.0.0',
    });
  });

  it('gets what it refers to', async () => {
    const result = await resultOf(
      stepInvocation({
        initialization: { input: { total: '${steps.sum.result.total}', note: 'for ${task.context.who}' } },
        context: { who: 'Ada' },
        dependencies: { sum: { total: 12.5 } },
      }),
    );
    expect(result.output).toEqual({ total: 12.5, note: 'for Ada' });
  });

  it('carries its receipt', async () => {
    const result = await resultOf(stepInvocation({ context: {} }));
    expect(result.custom['receipt']).toMatchObject({
      handler: 'echo@1.0.0',
      outcome: 'completed',
      abi: 'tasker-core/1',
    });
  });

  it('may log what policy lets through', async () => {
    const invocation = stepInvocation({ callable: 'logger' });
    expect(await resultOf(invocation)).toMatchObject({ success: true });
    expect(logged.filter(({ stepUuid }) => stepUuid === invocation.stepUuid)).toMatchObject([
      { level: 'warn', message: '1' },
    ]);
  });

  it('is narrowed by its own $broker, never widened', async () => {
    const narrowed = { $broker: { limits: { fuel: 10, wall_ms: 1_000_000 } } };
    const result = await resultOf(stepInvocation({ initialization: narrowed }));
    expect(result.error).toMatchObject({ code: 'ERR_LIMIT_FUEL', retryable: false });
    const wider = await resultOf(stepInvocation({ initialization: { $broker: { limits: { fuel: 1e15 } } } }));
    expect((wider.custom['receipt'] as { limits: { fuel: number } }).limits.fuel).toBe(20_000_000);
  });
});

describe('a step that cannot be served ends with a code and a sentence', () => {
  const refused = async (given: Partial<StepInvocation>) => (await resultOf(stepInvocation(given))).error;

  it('unknown handler', async () => {
    expect(await refused({ callable: 'teleport' })).toMatchObject({
      code: 'ERR_HANDLER_UNKNOWN',
      errorType: 'handler_not_found',
      retryable: false,
      message: expect.stringMatching(/^no handler "teleport" in the catalog; handlers: aggregate, decide/),
    });
  });

  it('configuration that violates its schema', async () => {
    const error = await refused({ callable: 'decide', initialization: { rules: 'many' } });
    expect(error).toMatchObject({ code: 'ERR_CONFIG_SCHEMA', retryable: false });
    expect(error?.message).toBe('step step: configuration of decide: /rules: must be array');
  });

  it('reference that resolves to nothing', async () => {
    const error = await refused({ initialization: { input: '${steps.absent.result.total}' } });
    expect(error).toMatchObject({ code: 'ERR_REFERENCE_UNRESOLVED', retryable: false });
    expect(error?.message).toContain('${steps.absent.result.total}');
  });

  it('grant that nobody gave', async () => {
    const error = await refused({
      callable: 'http_request',
      initialization: { url: 'https://example.com/' },
    });
    expect(error).toMatchObject({ code: 'ERR_GRANT_MISSING', retryable: false });
    expect(error?.message).toContain('[[grants.http_request]]');
  });

  it('narrowing that is not one', async () => {
    expect(await refused({ initialization: { $broker: { limits: { fuel: 'all' } } } })).toMatchObject({
      code: 'ERR_CONFIG_SCHEMA',
      message: expect.stringContaining('step step, $broker: limits.fuel'),
    });
  });

  it('endless loop', async () => {
    expect(await refused({ callable: 'endless' })).toMatchObject({
      code: 'ERR_LIMIT_FUEL',
      errorType: 'handler_error',
      retryable: false,
      message: 'the handler ran out of fuel; limits.fuel allows 20000000',
    });
  });

  it('trap', async () => {
    expect(await refused({ callable: 'trap' })).toMatchObject({
      code: 'ERR_GUEST_TRAP',
      errorType: 'handler_panic',
      retryable: false,
    });
  });

  it('output that is not JSON', async () => {
    expect(await refused({ callable: 'not_json' })).toMatchObject({
      code: 'ERR_OUTPUT_INVALID',
      message: "the handler's output (3 bytes) is not JSON; it must be one UTF-8 JSON document",
      retryable: false,
    });
  });

  it('a failure that the handler declares', async () => {
    const error = await refused({
      callable: 'validate',
      initialization: { schema: { type: 'array' } },
      context: { a: 1 },
    });
    expect(error).toMatchObject({ retryable: false, errorType: 'permanent_error' });
    expect(error?.code).toMatch(/^[a-z_]+$/);
  });
});

describe('a handler that says it was broken off by the broker', () => {
  it('has failed like any other: its attempt counts', async () => {
    const result = await resultOf(stepInvocation({ callable: 'pretender' }));
    expect(result).toMatchObject({ success: false, error: { code: 'ERR_ABORTED' } });
    expect(result.uncounted).not.toBe(true);
  });
});

describe('many steps at once', () => {
  it('are each settled exactly once', async () => {
    const before = settled.length;
    const invocations = Array.from({ length: 200 }, (_, n) =>
      stepInvocation({ context: { n }, callable: n % 10 === 0 ? 'trap' : 'echo' }),
    );
    const results = await Promise.all(invocations.map(resultOf));
    expect(settled.length - before).toBe(200);
    expect(results.filter((result) => result.success)).toHaveLength(180);
    for (const [n, result] of results.entries()) if (result.success) expect(result.output).toEqual({ n });
  });
});

describe('a step whose output violates a schema', () => {
  const resultSchema = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };

  it('fails for good where its template expects something else, and keeps the receipt', async () => {
    const invocation = stepInvocation({ context: { count: 'a secret' }, resultSchema });
    const result = await resultOf(invocation);
    expect(result).toMatchObject({
      success: false,
      output: {},
      error: {
        code: 'ERR_RESULT_SCHEMA',
        message: "the output violates the step's result_schema: /count: must be integer",
        errorType: 'validation_error',
        retryable: false,
      },
      custom: { receipt: { outcome: 'completed' } },
    });
    expect(JSON.stringify(result)).not.toContain('a secret');
    expect(settled.at(-1)).toMatchObject({
      stepUuid: invocation.stepUuid,
      outcome: 'failed',
      code: 'ERR_RESULT_SCHEMA',
    });
  });

  it('fails for good where its handler promises something else', async () => {
    expect(await resultOf(stepInvocation({ callable: 'liar', context: { n: 1 } }))).toMatchObject({
      success: false,
      error: {
        code: 'ERR_OUTPUT_SCHEMA',
        message:
          "the output violates the handler's output schema: (top level): must have required property 'total'",
        retryable: false,
      },
    });
  });

  it('is settled as it is where the output fits', async () => {
    expect(await resultOf(stepInvocation({ context: { count: 7 }, resultSchema }))).toMatchObject({
      success: true,
      output: { count: 7 },
    });
  });

  it('does not run where the schema itself cannot be used', async () => {
    const result = await resultOf(stepInvocation({ resultSchema: { pattern: '(a+)+$' } }));
    expect(result).toMatchObject({
      success: false,
      error: {
        code: 'ERR_TEMPLATE_INVALID',
        message: expect.stringMatching(/^step step, result_schema: expected no "pattern"/),
      },
    });
    expect(settled.at(-1)?.outcome).toBe('refused');
  });
});
