import { FixedQueue, Piscina } from 'piscina';
import { admitArtifact } from '../../src/catalog/admit.ts';
import type { Boundary } from '../../src/host/host-call.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import type { Job } from '../../src/sandbox/lanes/job.ts';
import { outcomeOf } from '../../src/sandbox/outcome.ts';
import { prepareJob } from '../../src/sandbox/prepare-job.ts';
import { epochMs, type InvokeMessage, type ResultMessage } from '../../src/sandbox/protocol.ts';
import type { Send } from '../throughput.ts';

const refusing: Boundary = async () => {
  throw new TypeError('the echo makes no host call');
};

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
    const limits = DEFAULT_LIMITS;
    const prepared = prepareJob(artifact, { handler: 'echo', grants: [], limits }, { input }, refusing);
    const { config, step, timeMs, seed, logLevel, mayWait } = prepared;
    const facts = { limits, timeMs, seed, logLevel, mayWait };
    // Of its own: the whole pool that a `Buffer` lies in would be cloned with it.
    const bytes = new Uint8Array(prepared.input);
    const message: InvokeMessage = { type: 'invoke', slot: 0, input: bytes, config, step, ...facts };
    const reported = (await pool.run(message)) as ResultMessage;
    const job: Job = { ...prepared, tier: 'thread', done: () => {} };
    const outcome = outcomeOf(job, { reported, startedAtMs: epochMs() - reported.wallMs });
    if (outcome.kind !== 'completed') throw new Error(`expected completed, got ${outcome.kind}`);
  };
  return { send, close: () => pool.destroy() };
}
