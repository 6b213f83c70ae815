import { FixedQueue, Piscina } from 'piscina';
import { admitArtifact } from '../../src/catalog/admit.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import { jsonDocument } from '../../src/sandbox/document.ts';
import type { Job } from '../../src/sandbox/lanes/job.ts';
import { outcomeOf } from '../../src/sandbox/outcome.ts';
import { epochMs, type InvokeMessage, type ResultMessage } from '../../src/sandbox/protocol.ts';
import type { Send } from '../throughput.ts';

/** The same invocation, checks and receipt as execute() gives, but each sent by `piscina.run()`. */
export function sameByPiscina(bytes: Uint8Array, input: string): { send: Send; close(): Promise<void> } {
  const artifact = admitArtifact(bytes, null, DEFAULT_LIMITS);
  const { manifest: _, digest: __, ...module } = artifact;
  const pool = new Piscina({
    filename: new URL('./echo-task.ts', import.meta.url).href,
    workerData: { type: 'module', moduleId: 1, forgets: null, ...module },
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: 8,
    atomics: 'disabled',
    taskQueue: new FixedQueue(),
  });
  const send = async (): Promise<void> => {
    const queuedAtMs = epochMs();
    const limits = DEFAULT_LIMITS;
    const documents = {
      input: jsonDocument(input, limits, 'input'),
      config: jsonDocument('{}', limits, 'config'),
      step: jsonDocument('{}', limits, 'step'),
    };
    const facts = { timeMs: null, logLevel: null, mayWait: false };
    const message: InvokeMessage = { type: 'invoke', slot: 0, ...documents, limits, ...facts };
    const reported = (await pool.run(message)) as ResultMessage;
    const job: Job = {
      artifact,
      authority: { handler: 'echo', grants: [], limits, secretMark: null },
      ...documents,
      ...facts,
      queuedAtMs,
      boundary: () => Promise.reject(new Error('nobody calls')),
      calls: [],
      tape: [],
      losses: 0,
      abort: null,
      tier: 'thread',
      done: () => {},
    };
    const outcome = outcomeOf(job, { reported, startedAtMs: epochMs() - reported.wallMs });
    if (outcome.kind !== 'completed') throw new Error(`expected completed, got ${outcome.kind}`);
  };
  return { send, close: () => pool.destroy() };
}
