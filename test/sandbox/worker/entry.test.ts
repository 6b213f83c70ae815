import { hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { admitArtifact } from '../../../src/catalog/admit.ts';
import { DEFAULT_LIMITS } from '../../../src/model/limits.ts';
import type { Tier } from '../../../src/model/tier.ts';
import { type PackedInvoke, packToLane, unpackFromLane } from '../../../src/sandbox/batch.ts';
import {
  type CallMessage,
  CLAIM,
  CLOCK_BYTES,
  CLOCK_CLAIMS_BYTE,
  CLOCK_POSTED_BYTE,
  type GuestResult,
  type ModuleMessage,
  type ReplyMessage,
  type ResultMessage,
} from '../../../src/sandbox/protocol.ts';
import runLane from '../../../src/sandbox/worker/entry.ts';
import { ECHO, guest, ONE } from '../../guests/wat.ts';

/** Makes one host call and hands on what it yields. */
const RELAY = guest({
  imports: ['http_request', 'result_len', 'result_read', 'output_write'],
  body: `(drop (call $http_request (i32.const 0) (i32.const 8)))
    (call $result_read (i32.const 16))
    (call $output_write (i32.const 16) (call $result_len)) (i32.const 0)`,
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array();

const invoke = (slot: number, moduleId = 1): PackedInvoke => ({
  type: 'invoke',
  slot,
  moduleId,
  limitsId: 1,
  input: NOTHING,
  config: NOTHING,
  step: NOTHING,
  timeMs: null,
  seed: null,
  logLevel: null,
  mayWait: false,
});

const reply = (slot: number, text: string): ReplyMessage => ({
  type: 'reply',
  slot,
  status: 0,
  payload: encoder.encode(text),
  sentAtMs: 0,
  timeMs: null,
});

function moduleMessage(moduleId: number, bytes: Uint8Array, forgets: number | null = null): ModuleMessage {
  const { manifest: _, digest: __, ...module } = admitArtifact(bytes, null, DEFAULT_LIMITS);
  return { type: 'module', moduleId, forgets, ...module };
}

it('an invocation gets no answer that was meant for the one that had its slot before', async () => {
  const { port1: broker, port2: port } = new MessageChannel();
  const calls: CallMessage[] = [];
  /** What happens at the next post before the lane has it. */
  let beforeLane = () => {};
  const results: [slot: number, result: GuestResult][] = [];
  broker.on('message', (batch: ArrayBuffer) => {
    for (const message of unpackFromLane(batch)) {
      if (message.type === 'call') calls.push(message);
      if (message.type === 'result') results.push([message.slot, message.result]);
    }
    if (calls.length === 2 && results.length === 0) cancelFirst();
    // Slot 0 once more: this is the call of its second invocation.
    if (calls.length === 3 && results.length === 1) {
      broker.postMessage(packToLane([reply(0, 'its own'), reply(1, 'the neighbour')]));
    }
    if (results.length === 3) broker.postMessage({ type: 'close' });
  });
  const cancelFirst = () => {
    // In front of what the lane puts off: the next invocation is there when the first one ends.
    beforeLane = () => setImmediate(() => broker.postMessage(packToLane([invoke(0)])));
    broker.postMessage(packToLane([{ type: 'cancel', slot: 0 }, reply(0, 'too late')]));
  };
  port.on('message', () => {
    beforeLane();
    beforeLane = () => {};
  });
  const closed = runLane({ port: port as never, clock: new SharedArrayBuffer(CLOCK_BYTES), tier: 'thread' });
  broker.postMessage(moduleMessage(1, RELAY));
  broker.postMessage({ type: 'limits', limitsId: 1, forgets: null, limits: DEFAULT_LIMITS });
  broker.postMessage(packToLane([invoke(0), invoke(1)]));
  await closed;
  broker.close();
  const outputs = results.map(([slot, result]) => [
    slot,
    result.kind === 'returned' ? decoder.decode(result.output) : result.kind,
  ]);
  expect(outputs).toEqual([
    [0, 'aborted'],
    [0, 'its own'],
    [1, 'the neighbour'],
  ]);
});

it('a post is taken to its end before the next one, also while a guest waits for an answer', async () => {
  const { port1: broker, port2: port } = new MessageChannel();
  const ended: number[] = [];
  broker.on('message', (batch: ArrayBuffer) => {
    for (const message of unpackFromLane(batch)) if (message.type === 'result') ended.push(message.slot);
    if (ended.length === 40) broker.postMessage(packToLane([reply(0, 'at last')]));
    if (ended.length === 41) broker.postMessage({ type: 'close' });
  });
  broker.postMessage(moduleMessage(1, RELAY));
  broker.postMessage(moduleMessage(2, ECHO));
  broker.postMessage({ type: 'limits', limitsId: 1, forgets: null, limits: DEFAULT_LIMITS });
  const many = Array.from({ length: 40 }, (_, index) => invoke(index + 1, 2));
  broker.postMessage(packToLane([invoke(0), ...many]));
  // What the invocations before it need is forgotten only now.
  broker.postMessage(moduleMessage(3, ECHO, 2));
  await runLane({ port: port as never, clock: new SharedArrayBuffer(CLOCK_BYTES), tier: 'thread' });
  broker.close();
  expect(ended).toEqual([...many.map(({ slot }) => slot), 0]);
});

/** The batches of results of a lane to which all of this was posted before it began to read. */
async function resultsOf(
  messages: readonly PackedInvoke[],
  { tier = 'thread' as Tier, posted = 0 } = {},
): Promise<ResultMessage[][]> {
  const { port1: broker, port2: port } = new MessageChannel();
  const batches: ResultMessage[][] = [];
  broker.on('message', (batch: ArrayBuffer) => {
    const results = unpackFromLane(batch).filter((message) => message.type === 'result');
    if (results.length > 0) batches.push(results);
    if (batches.flat().length === messages.length) broker.postMessage({ type: 'close' });
  });
  broker.postMessage(moduleMessage(1, ONE));
  broker.postMessage({ type: 'limits', limitsId: 1, forgets: null, limits: DEFAULT_LIMITS });
  for (const message of messages) broker.postMessage(packToLane([message]));
  const clock = new SharedArrayBuffer(CLOCK_BYTES);
  new Int32Array(clock, CLOCK_POSTED_BYTE, 1)[0] = posted;
  await runLane({ port: port as never, clock, tier });
  broker.close();
  return batches;
}

it.each(['thread', 'process'] as const)(
  'a lane that had to wait for its work hashes the documents, if it is a thread (%s)',
  async (tier) => {
    const input = encoder.encode('"Zürich"');
    // It waits behind the first.
    const [, [result] = []] = await resultsOf([invoke(0), { ...invoke(1), input }], { tier });
    const [expectedInput, expectedOutput] = [input, '1'].map((document) =>
      Buffer.from(hash('sha256', document), 'hex'),
    );
    const expected = {
      input: new Uint8Array(expectedInput ?? []),
      output: new Uint8Array(expectedOutput ?? []),
    };
    // Where there is one core, no lane waits awake.
    expect(result?.digests).toEqual(tier === 'thread' && availableParallelism() > 1 ? expected : null);
  },
);

it('results wait for the work that is there already: posts of one message do not stay so', async () => {
  const messages = Array.from({ length: 40 }, (_, slot) => invoke(slot));
  const batches = await resultsOf(messages, { posted: 2 + messages.length });
  expect(batches.flat().map(({ slot }) => slot)).toEqual(messages.map(({ slot }) => slot));
  // Three full ones, and more where one guest took long: the first does.
  expect(batches.length).toBeLessThan(messages.length / 2);
});

it('an invocation that was recalled is skipped, and one that was not is claimed', async () => {
  const { port1: broker, port2: port } = new MessageChannel();
  const clock = new SharedArrayBuffer(CLOCK_BYTES);
  const claims = new Int32Array(clock, CLOCK_CLAIMS_BYTE, 2);
  claims[0] = CLAIM.recalled;
  const said: unknown[] = [];
  broker.on('message', (batch: ArrayBuffer) => {
    said.push(...unpackFromLane(batch).filter(({ type }) => type !== 'ready'));
    if (said.length === 2) broker.postMessage({ type: 'close' });
  });
  broker.postMessage(moduleMessage(1, ONE));
  broker.postMessage({ type: 'limits', limitsId: 1, forgets: null, limits: DEFAULT_LIMITS });
  broker.postMessage(packToLane([invoke(0), invoke(1)]));
  await runLane({ port: port as never, clock, tier: 'thread' });
  broker.close();
  expect(said).toMatchObject([
    { type: 'skipped', slot: 0 },
    { type: 'result', slot: 1 },
  ]);
  expect([...claims]).toEqual([CLAIM.recalled, CLAIM.entered]);
});
