import type { Catalog } from '../catalog/catalog.ts';
import { messageOf } from '../errors.ts';
import type { Events } from '../events.ts';
import type { StepQueue } from '../queue/step-queue.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Intake, startIntake } from './intake.ts';
import { type BrokerState, createLifecycle } from './lifecycle.ts';
import type { Policy } from './policy.ts';
import { codeOf, runStep } from './run-step.ts';
import type { Tapes } from './tapes.ts';

export interface BrokerOptions {
  readonly queue: StepQueue;
  readonly sandbox: Sandbox;
  readonly catalog: Catalog;
  readonly policy: Policy;
  /** Steps that may be in flight at once; asked again before every claim. */
  readonly slots: number | (() => number);
  readonly events: Events;
  /** Records some of what runs. */
  readonly tapes?: Tapes;
  readonly now?: () => number;
}

export interface DrainOptions {
  /** What has not ended by itself after this time is broken off and given back, its attempt not counted. Default: never. */
  readonly graceMs?: number;
  /** How long after that a queue that is away is waited for. Default 5,000. */
  readonly abandonMs?: number;
}

/** Takes steps from a queue, runs them in the sandbox and reports how they ended. Wiring only. */
export interface Broker {
  readonly state: BrokerState;
  readonly inFlight: number;
  start(): void;
  /**
   * Claims no more, finishes and settles what runs. The queue and the sandbox stay open: they are the caller's. Called
   * again, it waits for the same end.
   */
  drain(options?: DrainOptions): Promise<void>;
}

const ABANDON_DEFAULT_MS = 5000;

export function createBroker(options: BrokerOptions): Broker {
  const lifecycle = createLifecycle();
  const stop = new AbortController();
  const abandon = new AbortController();
  const { queue, events, slots } = options;
  const services = { now: Date.now, ...options, stop: stop.signal, abandon: abandon.signal };
  /** What breaks off a step that runs. */
  const running = new Map<string, AbortController>();
  let intake: Intake | null = null;
  let draining: Promise<void> | null = null;
  let unsubscribe = () => {};

  const drain = async ({ graceMs, abandonMs = ABANDON_DEFAULT_MS }: DrainOptions): Promise<void> => {
    if (lifecycle.state === 'running') lifecycle.become('draining');
    const timers: NodeJS.Timeout[] = [];
    if (graceMs !== undefined) {
      timers.push(setTimeout(() => stop.abort(), graceMs));
      timers.push(setTimeout(() => abandon.abort(), graceMs + abandonMs));
    }
    await intake?.drain();
    for (const timer of timers) clearTimeout(timer);
    unsubscribe();
    await options.tapes?.flushed();
    lifecycle.become('stopped');
    events.emit('broker:stopped', {});
  };

  return Object.freeze({
    get state() {
      return lifecycle.state;
    },
    get inFlight() {
      return intake?.inFlight ?? 0;
    },
    start() {
      lifecycle.become('running');
      unsubscribe = queue.onLost((stepUuid) => running.get(stepUuid)?.abort());
      intake = startIntake({
        queue,
        slots: typeof slots === 'number' ? () => slots : slots,
        handle: async (step) => {
          const { stepUuid } = step.invocation;
          const lost = new AbortController();
          running.set(stepUuid, lost);
          await runStep(step, { ...services, stop: AbortSignal.any([stop.signal, lost.signal]) });
          running.delete(stepUuid);
        },
        onError: (error) => events.emit('queue:error', { code: codeOf(error), message: messageOf(error) }),
      });
    },
    drain(how: DrainOptions = {}) {
      draining ??= drain(how);
      return draining;
    },
  });
}
