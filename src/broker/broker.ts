import type { Catalog } from '../catalog/catalog.ts';
import { messageOf } from '../errors.ts';
import type { Events, StepEvent } from '../events.ts';
import type { StepInvocation } from '../model/invocation.ts';
import type { StepResult } from '../model/step-result.ts';
import type { ClaimedStep, StepQueue } from '../queue/step-queue.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Admitted, admitInvocation } from './admission.ts';
import { type Intake, startIntake } from './intake.ts';
import { type BrokerState, createLifecycle } from './lifecycle.ts';
import type { Policy } from './policy.ts';
import { resultOfFault, resultOfOutcome, resultOfRefusal } from './settlement.ts';

export interface BrokerOptions {
  readonly queue: StepQueue;
  readonly sandbox: Sandbox;
  readonly catalog: Catalog;
  readonly policy: Policy;
  /** Steps that may be in flight at once. */
  readonly slots: number;
  readonly events: Events;
  readonly now?: () => number;
}

/** Takes steps from a queue, runs them in the sandbox and reports how they ended. Wiring only. */
export interface Broker {
  readonly state: BrokerState;
  readonly inFlight: number;
  start(): void;
  /** Claims no more, finishes and settles what runs. The queue and the sandbox stay open: they are the caller's. */
  drain(): Promise<void>;
}

export function createBroker(options: BrokerOptions): Broker {
  const lifecycle = createLifecycle();
  let intake: Intake | null = null;
  return Object.freeze({
    get state() {
      return lifecycle.state;
    },
    get inFlight() {
      return intake?.inFlight ?? 0;
    },
    start() {
      lifecycle.become('running');
      intake = startIntake({
        queue: options.queue,
        slots: options.slots,
        handle: (step) => handleStep(step, options),
        onError: (error) =>
          options.events.emit('queue:error', { code: codeOf(error), message: messageOf(error) }),
      });
    },
    async drain() {
      if (lifecycle.state === 'stopped') return;
      if (lifecycle.state === 'running') lifecycle.become('draining');
      await intake?.drain();
      lifecycle.become('stopped');
      options.events.emit('broker:stopped', {});
    },
  });
}

/** One step, hop by hop: admit → run → settle. Every path ends in exactly one settlement. Never rejects. */
async function handleStep(step: ClaimedStep, options: BrokerOptions): Promise<void> {
  const { events, catalog, policy } = options;
  const event = eventOf(step.invocation);
  events.emit('step:claimed', event);
  const startedAtMs = (options.now ?? Date.now)();
  const verdict = admitSafely(step.invocation, catalog, policy);
  if (verdict instanceof Error) return settle(step, resultOfFault(verdict, startedAtMs), 'refused', options);
  if (!verdict.allowed)
    return settle(step, resultOfRefusal(verdict, step.invocation, startedAtMs), 'refused', options);
  const handler = `${verdict.entry.name}@${verdict.entry.version}`;
  events.emit('step:started', { ...event, handler });
  const { result, outcome } = await execute(verdict, handler, event, startedAtMs, options);
  await settle(step, result, outcome, options);
}

function admitSafely(invocation: StepInvocation, catalog: Catalog, policy: Policy) {
  try {
    return admitInvocation(invocation, catalog, policy);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

type OutcomeName = 'refused' | 'completed' | 'failed' | 'trapped' | 'exhausted' | 'aborted';

async function execute(
  admitted: Admitted,
  handler: string,
  event: StepEvent,
  startedAtMs: number,
  { sandbox, events }: BrokerOptions,
): Promise<{ readonly result: StepResult; readonly outcome: OutcomeName }> {
  try {
    const outcome = await sandbox.execute(admitted.entry.artifact, {
      input: admitted.input,
      config: admitted.config,
      grants: admitted.grants,
      limits: admitted.limits,
      handler: admitted.entry.name,
      secretMark: admitted.secretMark,
      onLog: (level, message) => events.emit('step:log', { ...event, level, message }),
    });
    return { result: resultOfOutcome(outcome, handler, startedAtMs), outcome: outcome.kind };
  } catch (fault) {
    return { result: resultOfFault(fault, startedAtMs), outcome: 'refused' };
  }
}

const SETTLE_RETRY_MS = 1000;

/** Reports the result; while the queue is away it is kept and tried again, since only we know it. */
async function settle(
  step: ClaimedStep,
  result: StepResult,
  outcome: OutcomeName,
  options: BrokerOptions,
): Promise<void> {
  for (;;) {
    try {
      const { settlement, refused } = await options.queue.settle(step, result);
      const error = refused ?? result.error;
      options.events.emit('step:settled', {
        ...eventOf(step.invocation),
        handler: result.handlerVersion,
        outcome: refused === null ? outcome : 'failed',
        code: error?.code ?? null,
        message: error?.message ?? null,
        executionMs: result.executionMs,
        settlement,
      });
      return;
    } catch (error) {
      options.events.emit('queue:error', { code: codeOf(error), message: messageOf(error) });
      await new Promise((resolve) => setTimeout(resolve, SETTLE_RETRY_MS));
    }
  }
}

function eventOf(invocation: StepInvocation): StepEvent {
  const { taskUuid, stepUuid, stepName, attempt, correlationId } = invocation;
  return { taskUuid, stepUuid, stepName, attempt, correlationId };
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'ERR_INTERNAL';
}
