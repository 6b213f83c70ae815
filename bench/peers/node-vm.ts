import { Worker } from 'node:worker_threads';
import { JS_HANDLER, type Peer } from './peer.ts';

/** `node:vm` in a worker: a fresh context for every call, and one kept. The hop to the worker is part of it. */
export async function nodeVm(): Promise<readonly Peer[]> {
  return [peer('node_vm_fresh', true), peer('node_vm_kept', false)];
}

function peer(name: string, fresh: boolean): Peer {
  const worker = new Worker(new URL('./node-vm-worker.ts', import.meta.url), {
    workerData: { source: JS_HANDLER, fresh },
  });
  const run = (input: string) =>
    new Promise<string>((resolve) => {
      worker.once('message', resolve);
      worker.postMessage(input);
    });
  return { name, fresh, run, close: () => worker.terminate() };
}
