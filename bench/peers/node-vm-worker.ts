/** Runs the echo in a `node:vm` context for the main thread: a fresh one for every message, or one kept for all. */
import vm from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';

const { source, fresh } = workerData as { source: string; fresh: boolean };
const script = new vm.Script(source);
const open = (): vm.Context => {
  const context = vm.createContext({});
  script.runInContext(context);
  return context;
};
const kept = open();

parentPort?.on('message', (input: string) => {
  const context = fresh ? open() : kept;
  context['input'] = input;
  parentPort?.postMessage(vm.runInContext('handle(input)', context, { timeout: 1000 }));
});
