import { createUsedSecrets } from '../../src/host/secrets/used-secrets.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import type { Job } from '../../src/sandbox/lanes/job.ts';

const DIGEST = 'sha256:0';

/** A job for a lane whose other side is the test: of its artifact only what lanes read is there. */
export function exampleJob(given: Partial<Job>): Job {
  return {
    artifact: { digest: DIGEST, image: null, memoryMinPages: 1 } as unknown as Job['artifact'],
    authority: Object.freeze({
      handler: 'example',
      grants: [],
      limits: DEFAULT_LIMITS,
      secretMark: null,
      usedSecrets: createUsedSecrets(),
      namespace: '',
      digest: DIGEST,
    }),
    input: new Uint8Array(),
    config: new Uint8Array(),
    step: new Uint8Array(),
    timeMs: null,
    timeAfterCall: () => null,
    seed: null,
    recorder: null,
    logLevel: null,
    mayWait: false,
    boundary: () => Promise.reject(new Error('nobody calls')),
    queuedAtMs: 0,
    calls: [],
    tape: [],
    losses: 0,
    roomBytes: null,
    abort: null,
    tier: 'thread',
    done: () => {},
    ...given,
  };
}
