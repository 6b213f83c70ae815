/** One sandboxed invocation as one piscina task: the lane's own code behind piscina's own dispatch. */
import { workerData } from 'node:worker_threads';
import {
  epochMs,
  type InvokeMessage,
  type ModuleMessage,
  type ResultMessage,
} from '../../src/sandbox/protocol.ts';
import { CellStore } from '../../src/sandbox/worker/cell-store.ts';
import { startInvocation } from '../../src/sandbox/worker/invocation.ts';
import type { Workplace } from '../../src/sandbox/worker/workplace.ts';

const workplace: Workplace = {
  cells: new CellStore(),
  callBroker: () => Promise.resolve(null),
  mark: { enter: () => {}, leave: () => {} },
};

export default async function echoTask(message: InvokeMessage): Promise<ResultMessage> {
  const startedMs = epochMs();
  const reported = await startInvocation(workerData as ModuleMessage, message, workplace).result;
  const { result } = reported;
  if (result.kind !== 'returned') throw new TypeError(`expected an output, got ${result.kind}`);
  // Of its own: the whole pool that a `Buffer` lies in would be cloned with it.
  const output = new Uint8Array(result.output);
  return { ...reported, result: { ...result, output }, wallMs: epochMs() - startedMs, digests: null };
}
