import type { AdminPorts } from '../admin/ports.ts';
import type { WaitDecision } from '../model/step-request.ts';
import { packageVersion } from './version.ts';
import type { Worker } from './worker.ts';

/** What the admin server may ask and do, by a running worker. */
export function adminPorts(worker: Worker): AdminPorts {
  const { broker, queue, catalog, config } = worker;
  return Object.freeze({
    obstacles: () => [
      ...(broker.state === 'running' ? [] : [`the broker is ${broker.state}`]),
      ...(queue.problem === null ? [] : ['the database is not available']),
      ...(worker.lanesReady > 0 ? [] : ['no lane is ready']),
    ],
    status: () => ({
      version: packageVersion(),
      namespace: config.worker.namespace,
      worker_uuid: queue.workerUuid,
      state: broker.state,
      slots: config.worker.lanes * config.worker.in_flight_per_lane,
      in_flight: broker.inFlight,
      lanes: config.worker.lanes,
      lanes_ready: worker.lanesReady,
      handlers: catalog.entries.map(({ name, version }) => `${name}@${version}`),
    }),
    waiting: () => queue.waiting(),
    decide: (stepUuid: string, decision: WaitDecision) => queue.decide(stepUuid, decision),
  });
}
