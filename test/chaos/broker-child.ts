/*
 * A broker as a process of its own, to be killed. It tells its parent every event of the broker, and can strike itself
 * at one of them: then nothing happens between the event and the blow.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { Worker as Thread } from 'node:worker_threads';
import { startWorker } from '../../src/cli/worker.ts';
import { loadConfig } from '../../src/config.ts';
import { createEvents, type EventName } from '../../src/events.ts';
import type { ChildOrder, ChildReport, ChildSettings } from './child-protocol.ts';

const settings = JSON.parse(process.argv[2] ?? '') as ChildSettings;
const { strike } = settings;
const tell = (report: ChildReport): void => void process.send?.(report);

const threads = new Set<Thread>();
subscribe('worker_threads', (message) => {
  const { worker } = message as { readonly worker: Thread };
  threads.add(worker);
  worker.once('exit', () => threads.delete(worker));
});

let passed = 0;
const onEvent = (event: EventName, step: string | null): void => {
  if (strike !== null && event === strike.event && (strike.step === null || step === strike.step)) {
    passed += 1;
    if (passed === strike.nth) {
      if (strike.blow === 'kill') process.kill(process.pid, 'SIGKILL');
      else process.emit('SIGTERM');
    }
  }
  tell({ type: 'event', event, step });
};

const events = createEvents();
for (const event of [
  'step:claimed',
  'step:started',
  'step:checkpoint',
  'step:waiting',
  'step:settled',
] as const) {
  events.on(event, ({ stepName }) => onEvent(event, stepName));
}
events.on('lane:lost', () => onEvent('lane:lost', null));
events.on('queue:error', ({ code, message }) => tell({ type: 'problem', message: `${code}: ${message}` }));

const asked = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
// The parent is gone: nobody would end this process.
const orphaned = () => process.exit(1);
process.once('disconnect', orphaned);
process.on('message', (order: ChildOrder) => {
  if (order.type === 'kill lanes') {
    void Promise.all([...threads].map((thread) => thread.terminate())).then(() =>
      tell({ type: 'lanes killed' }),
    );
  }
});

const config = loadConfig({ file: settings.configFile, env: {} });
const worker = await startWorker({
  config,
  databaseUrl: settings.databaseUrl,
  env: { BROKER: settings.name },
  events,
});
tell({ type: 'ready' });
await asked;
tell({ type: 'draining' });
await worker.stop({ graceMs: config.worker.drain_grace_ms });
process.off('disconnect', orphaned);
process.disconnect?.();
