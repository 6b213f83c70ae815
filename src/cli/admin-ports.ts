import type { AdminPorts, QuarantinePorts } from '../admin/ports.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { LiveSettings } from '../model/settings.ts';
import type { WaitDecision } from '../model/step-request.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { packageVersion } from './version.ts';
import type { Worker } from './worker.ts';

/** What the admin server may ask and do, by a running worker. */
export function adminPorts(worker: Worker, metrics: Metrics): AdminPorts {
  const { broker, queue, catalog, config, sandbox } = worker;
  return Object.freeze({
    obstacles: () => [
      ...(broker.state === 'running' ? [] : [`the broker is ${broker.state}`]),
      ...(queue.problem === null ? [] : ['the database is not available']),
      ...(sandbox.status.lanesReady > 0 ? [] : ['no lane is ready']),
    ],
    status: () => ({
      version: packageVersion(),
      namespace: config.worker.namespace,
      worker_uuid: queue.workerUuid,
      state: broker.state,
      slots: sandbox.capacity,
      in_flight: broker.inFlight,
      ...lanesStatus(sandbox),
      handlers: catalog.entries.map(({ name, version }) => `${name}@${version}`),
    }),
    ...quarantinePorts(sandbox, catalog),
    metrics: () => metrics.text(),
    configure: (settings: LiveSettings) => worker.configure(settings),
    waiting: () => queue.waiting(),
    decide: (stepUuid: string, decision: WaitDecision) => queue.decide(stepUuid, decision),
  });
}

/** What can be seen of the quarantine, and done about it. */
export function quarantinePorts(sandbox: Sandbox, { entries }: Catalog): QuarantinePorts {
  const handlersOf = (digest: string) =>
    entries
      .filter(({ artifact }) => artifact.digest === digest)
      .map(({ name, version }) => `${name}@${version}`);
  return Object.freeze({
    quarantined: () => sandbox.status.quarantined.map((digest) => ({ digest, handlers: handlersOf(digest) })),
    release: (digest: string) => sandbox.release(digest),
  });
}

function lanesStatus({ status }: Sandbox) {
  return {
    lanes: status.lanes,
    lanes_ready: status.lanesReady,
    in_flight_per_lane: status.inFlightPerLane,
    queue_depth: status.queueDepth,
    memory_budget_bytes: status.memoryBudgetBytes,
    memory_committed_bytes: status.memoryCommittedBytes,
    quarantined: status.quarantined,
  };
}
