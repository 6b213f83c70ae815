import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admission } from '../../catalog/admission/admission.ts';
import { ArtifactCache } from '../../catalog/artifact-cache.ts';
import type { CatalogEntry } from '../../catalog/catalog.ts';
import type { Admit } from '../../catalog/load.ts';
import { type BrokerError, isBrokerError } from '../../errors.ts';
import type { Events } from '../../events.ts';
import { createHandlerCache } from '../../host/cache/handler-cache.ts';
import { createHttpClient } from '../../host/egress/http-client.ts';
import type { HostServices } from '../../host/host-call.ts';
import { createSecretSource } from '../../host/secrets/secret-source.ts';
import { completeLimits, type Limits } from '../../model/limits.ts';
import { createSandbox, type Sandbox } from '../../sandbox/sandbox.ts';
import { ECHO_TEXT } from '../guests/text.ts';
import type { Assemble } from './assemble.ts';
import { addHandler } from './handler-folder.ts';
import { type Internet, startInternet } from './internet.ts';
import { SECRET_NAME, SECRET_VALUE } from './secret.ts';

/** What is attacked: a broker's parts as `serve` has them, with the internet on loopback and a queue in memory. */
export interface Target extends AsyncDisposable {
  readonly assemble: Assemble;
  readonly sandbox: Sandbox;
  readonly services: HostServices;
  readonly internet: Internet;
  /** Where handlers lie. */
  readonly folder: string;
  /** Admission as always, and with so little time and memory that an attack on it ends soon. */
  readonly admit: Sandbox['admit'];
  readonly admitHurried: Admit;
  /** The handlers that must still be served, by a thread and by a process. */
  readonly good: readonly [thread: CatalogEntry, process: CatalogEntry];
  /** Who is told about lanes from now on. */
  report(events: Events): void;
}

export const GOOD = 'good';
/** Handlers so named run in a process. */
export const ISOLATED = 'isolated_';

/** What attacks have, where they do not say otherwise: little, so that they end soon. */
export const TARGET_LIMITS: Limits = completeLimits({
  fuel: 50_000_000,
  memory_pages: 256,
  wall_ms: 10_000,
  output_bytes: 64 * 1024,
  http_response_bytes: 64 * 1024,
});

/** The ceilings of the sandbox itself: some attacks need much of one thing to use up another. */
const CEILINGS: Limits = completeLimits({ fuel: Number.MAX_SAFE_INTEGER });

const HURRY = Object.freeze({ timeMs: 500, memoryBytes: 512 * 1024 * 1024 });

export async function openTarget(assemble: Assemble): Promise<Target> {
  let listener: Events | null = null;
  const internet = await startInternet({
    endLane: () => sandbox.killLane('thread', 'an accomplice of the guest'),
  });
  const services: HostServices = {
    http: createHttpClient({ resolve: internet.resolve, dial: internet.dial }),
    secrets: createSecretSource({ [SECRET_NAME]: { env: SECRET_NAME } }, { [SECRET_NAME]: SECRET_VALUE }),
    cache: createHandlerCache({ maxBytes: 1024 * 1024, maxHandlers: 64 }),
  };
  const sandbox = createSandbox({
    lanes: 1,
    limits: CEILINGS,
    host: services,
    tier: (handler) => (handler.startsWith(ISOLATED) ? 'process' : 'thread'),
    onLaneLost: (lane, reason) => listener?.emit('lane:lost', { lane, reason }),
    onQuarantined: (digest, handler) => listener?.emit('handler:quarantined', { handler, digest }),
  });
  const admission = new Admission(CEILINGS, HURRY);
  const hurried = new ArtifactCache((bytes) => admission.prepare(bytes));
  const folder = await mkdtemp(join(tmpdir(), 'wasm-broker-attack-'));
  const echo = await assemble({ wat: ECHO_TEXT });
  const goodHandler = (name: string) => addHandler(folder, { name, bytes: echo }, sandbox.admit);
  return {
    assemble,
    sandbox,
    services,
    internet,
    folder,
    admit: oneRefusalEach(sandbox.admit),
    admitHurried: (bytes, manifest) => hurried.admit(bytes, manifest),
    good: [await goodHandler(GOOD), await goodHandler(`${ISOLATED}${GOOD}`)],
    report: (events) => {
      listener = events;
    },
    async [Symbol.asyncDispose]() {
      admission.close();
      await sandbox.close();
      await internet[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/**
 * A module that was refused by itself is not read again for its manifest: every refusal takes a child of its own, and
 * the attacks have hundreds.
 */
function oneRefusalEach(admit: Sandbox['admit']): Sandbox['admit'] {
  const refusals = new Map<string, BrokerError>();
  return async (bytes, manifest) => {
    const digest = hash('sha256', bytes);
    const known = refusals.get(digest);
    if (known !== undefined) throw known;
    try {
      return await admit(bytes, manifest);
    } catch (error) {
      // What ends the child can be the machine's fault: the next time tells.
      const isOfModule = isBrokerError(error) && !error.code.startsWith('ERR_ADMISSION_');
      if (isOfModule && manifest === undefined) refusals.set(digest, error);
      throw error;
    }
  };
}
