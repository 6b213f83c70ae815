import { randomBytes } from 'node:crypto';
import type { Artifact } from '../catalog/artifact.ts';
import { BrokerError } from '../errors.ts';
import type { Authority, Boundary } from '../host/host-call.ts';
import { createUsedSecrets } from '../host/secrets/used-secrets.ts';
import { LOG_LEVELS } from '../model/abi.ts';
import { grantsOf } from '../model/grant.ts';
import { jsonDocument } from './document.ts';
import type { ExecuteOptions } from './execute-options.ts';
import type { Job } from './lanes/job.ts';
import { epochMs } from './protocol.ts';
import { createRecorder } from './tape/recorder.ts';

/** The document `{}`. */
const NOTHING = new TextEncoder().encode('{}');

const standsStill = () => null;

/** All of a job but where it runs and who waits for it. Throws for documents and a seed that are none. */
export function prepareJob(
  artifact: Artifact,
  allowed: Pick<Authority, 'handler' | 'grants' | 'limits'>,
  options: ExecuteOptions,
  performing: Boundary,
): Omit<Job, 'done' | 'tier'> {
  const { grants, limits } = allowed;
  const levels = grantsOf(grants, 'log').map((grant) => LOG_LEVELS[grant.level]);
  const timeMs = grantsOf(grants, 'time').length > 0 ? (options.timeMs ?? Date.now()) : null;
  const queuedAtMs = epochMs();
  const advances = grantsOf(grants, 'time').some(({ advance }) => advance);
  const clock =
    timeMs === null || !advances ? standsStill : () => Math.floor(timeMs + epochMs() - queuedAtMs);
  return {
    artifact,
    authority: Object.freeze({
      ...allowed,
      secretMark: options.secretMark ?? null,
      usedSecrets: createUsedSecrets(),
      namespace: options.namespace ?? '',
      digest: artifact.digest,
    }),
    input: jsonDocument(options.input, limits, 'input'),
    config: options.config === undefined ? NOTHING : jsonDocument(options.config, limits, 'config'),
    step: options.step === undefined ? NOTHING : jsonDocument(options.step, limits, 'step'),
    timeMs,
    timeAfterCall: options.answers?.timeMs ?? clock,
    seed: grantsOf(grants, 'random').length > 0 ? seedOf(options.seed) : null,
    logLevel: levels.length > 0 ? Math.min(...levels) : null,
    mayWait: grantsOf(grants, 'wait').length > 0,
    queuedAtMs,
    boundary: options.answers?.boundary ?? performing,
    recorder: options.onTape === undefined ? null : createRecorder(),
    calls: [],
    tape: [],
    losses: 0,
    roomBytes: null,
    abort: null,
  };
}

const SEED_BYTES = 32;

function seedOf(given: string | undefined): Uint8Array {
  if (given === undefined) return randomBytes(SEED_BYTES);
  if (/^[0-9a-f]{64}$/i.test(given)) return Buffer.from(given, 'hex');
  throw new BrokerError('ERR_CONFIG_INVALID', 'seed: expected 64 hexadecimal digits');
}
