/** One sandboxed invocation as one piscina task: the lane's own code behind piscina's own dispatch. */
import { workerData } from 'node:worker_threads';
import type { InvokeMessage, ModuleMessage, ResultMessage } from '../../src/sandbox/protocol.ts';
import { CellStore } from '../../src/sandbox/worker/cell-store.ts';
import { startInvocation } from '../../src/sandbox/worker/invocation.ts';
import type { Workplace } from '../../src/sandbox/worker/workplace.ts';

const workplace: Workplace = {
  cells: new CellStore(),
  callBroker: () => Promise.resolve(null),
  mark: { enter: () => {}, leave: () => {} },
};

export default function echoTask(message: InvokeMessage): ResultMessage | Promise<ResultMessage> {
  return startInvocation(workerData as ModuleMessage, message, workplace).result;
}
