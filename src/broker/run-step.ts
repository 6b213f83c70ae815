import type { Catalog } from '../catalog/catalog.ts';
import { messageOf } from '../errors.ts';
import type { BrokerEvents, Events, StepEvent } from '../events.ts';
import type { StepInvocation } from '../model/invocation.ts';
import type { Outcome } from '../model/outcome.ts';
import type { StepResult } from '../model/step-result.ts';
import type { ClaimedStep, Settled, StepQueue } from '../queue/step-queue.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Admitted, admitInvocation } from './admission.ts';
import { enforceOutputSchemas } from './output-schema.ts';
import type { Policy } from './policy.ts';
import {
  type EndedOutcome,
  resultOfFault,
  resultOfNoOp,
  resultOfOutcome,
  resultOfRefusal,
  tooManyCheckpoints,
} from './settlement.ts';
import { stepDocument } from './step-document.ts';
import type { Tapes } from './tapes.ts';

/** What a step is run with. */
export interface StepServices {
  readonly queue: StepQueue;
  readonly sandbox: Sandbox;
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly events: Events;
  readonly now: () => number;
  /** Records some of what runs. */
  readonly tapes?: Tapes;
  /** Breaks off what runs. */
  readonly stop: AbortSignal;
  /** Gives up on a queue that is away: what is not reported yet is found by the next broker. */
  readonly abandon: AbortSignal;
}

/** How a run ended, for the queue and for the event. */
interface Ended {
  readonly result: StepResult;
  readonly outcome: Outcome['kind'] | 'refused';
}

/** One step, hop by hop: admit → run → settle. Every path ends in exactly one report to the queue. Never rejects. */
export async function runStep(step: ClaimedStep, services: StepServices): Promise<void> {
  services.events.emit('step:claimed', eventOf(step.invocation));
  const startedAtMs = services.now();
  if (step.invocation.batch?.is_no_op === true) {
    const result = resultOfNoOp(step.invocation, startedAtMs);
    return settle(step, { result, outcome: 'completed' }, services);
  }
  const verdict = await admitSafely(step.invocation, services, startedAtMs);
  if ('result' in verdict) return settle(step, verdict, services);
  const handler = `${verdict.entry.name}@${verdict.entry.version}`;
  services.events.emit('step:started', { ...eventOf(step.invocation), handler });
  const ended = await runAdmitted(step, verdict, handler, startedAtMs, services);
  if (ended !== 'left') await settle(step, ended, services);
}

async function admitSafely(
  invocation: StepInvocation,
  { catalog, policy }: StepServices,
  startedAtMs: number,
): Promise<Admitted | Ended> {
  try {
    const verdict = await admitInvocation(invocation, catalog, policy);
    if (verdict.allowed) return verdict;
    return { result: resultOfRefusal(verdict, invocation, startedAtMs), outcome: 'refused' };
  } catch (fault) {
    return { result: resultOfFault(fault, startedAtMs), outcome: 'refused' };
  }
}

/** Runs a step to its end, over its checkpoints. `left`: it waits for a person, or is no longer ours. */
async function runAdmitted(
  step: ClaimedStep,
  admitted: Admitted,
  handler: string,
  startedAtMs: number,
  services: StepServices,
): Promise<Ended | 'left'> {
  let invocation = step.invocation;
  for (let checkpoints = 0; ; checkpoints += 1) {
    let outcome: Outcome;
    try {
      outcome = await execute(admitted, invocation, startedAtMs, services);
    } catch (fault) {
      return { result: resultOfFault(fault, startedAtMs), outcome: 'refused' };
    }
    tellRefusedCalls(invocation, outcome, services);
    if (outcome.kind === 'waiting') return park(step, outcome, handler, startedAtMs, services);
    if (outcome.kind !== 'yielded') {
      return { result: await resultOf(outcome, admitted, handler, startedAtMs), outcome: outcome.kind };
    }
    if (checkpoints >= admitted.limits.checkpoints) {
      const exhausted = tooManyCheckpoints(outcome, admitted.limits);
      return { result: resultOfOutcome(exhausted, handler, startedAtMs), outcome: 'exhausted' };
    }
    const { checkpoint } = outcome;
    const kept = await untilReported(() => services.queue.checkpoint(step, checkpoint), services);
    if (kept === null) return 'left';
    if (kept.refused !== null || kept.settlement === 'lost') {
      tellSettled(step, { handler, outcome: 'failed', executionMs: 0 }, kept, services);
      return 'left';
    }
    const { items_processed } = checkpoint;
    services.events.emit('step:checkpoint', { ...eventOf(invocation), itemsProcessed: items_processed });
    invocation = { ...invocation, checkpoint: { ...checkpoint } };
  }
}

/** untrusted: the output. A check that fails on it fails the step, and nothing else. */
async function resultOf(
  outcome: EndedOutcome,
  { outputSchemas }: Admitted,
  handler: string,
  startedAtMs: number,
): Promise<StepResult> {
  try {
    return await enforceOutputSchemas(resultOfOutcome(outcome, handler, startedAtMs), outputSchemas);
  } catch (fault) {
    return resultOfFault(fault, startedAtMs);
  }
}

function execute(
  admitted: Admitted,
  invocation: StepInvocation,
  startedAtMs: number,
  { sandbox, events, stop, now, tapes }: StepServices,
): Promise<Outcome> {
  const { timeoutMs } = invocation;
  const leftMs = timeoutMs === null ? Number.POSITIVE_INFINITY : startedAtMs + timeoutMs - now();
  const wall_ms = Math.max(1, Math.min(admitted.limits.wall_ms, Math.round(leftMs)));
  const onTape = tapes?.pick(invocation) ?? null;
  return sandbox.execute(admitted.entry.artifact, {
    input: admitted.input,
    config: admitted.config,
    step: stepDocument(invocation),
    grants: admitted.grants,
    limits: { ...admitted.limits, wall_ms },
    handler: admitted.entry.name,
    namespace: invocation.namespace,
    secretMark: admitted.secretMark,
    signal: stop,
    ...(onTape !== null && { onTape }),
    onLog: (level, message) => events.emit('step:log', { ...eventOf(invocation), level, message }),
  });
}

/** The guest was told already; whoever operates the broker is told here. */
function tellRefusedCalls(invocation: StepInvocation, { receipt }: Outcome, { events }: StepServices): void {
  for (const { call, code, target } of receipt.host_calls) {
    if (code !== null) events.emit('call:refused', { ...eventOf(invocation), call, code, target });
  }
}

async function park(
  step: ClaimedStep,
  outcome: Extract<Outcome, { kind: 'waiting' }>,
  handler: string,
  startedAtMs: number,
  services: StepServices,
): Promise<'left'> {
  const executionMs = Math.round(outcome.usage.wallMs);
  const parked = {
    wait: outcome.wait,
    handlerVersion: handler,
    startedAtMs,
    executionMs,
    custom: { receipt: { ...outcome.receipt } as never },
  };
  const left = await untilReported(() => services.queue.park(step, parked), services);
  if (left === null) return 'left';
  if (left.refused !== null || left.settlement === 'lost') {
    tellSettled(step, { handler, outcome: 'waiting', executionMs }, left, services);
  } else {
    const { timeout_ms: timeoutMs } = outcome.wait;
    services.events.emit('step:waiting', { ...eventOf(step.invocation), handler, timeoutMs });
  }
  return 'left';
}

async function settle(step: ClaimedStep, ended: Ended, services: StepServices): Promise<void> {
  const { result, outcome } = ended;
  const settled = await untilReported(() => services.queue.settle(step, result), services);
  if (settled === null) return;
  const { handlerVersion: handler, executionMs, error } = result;
  tellSettled(
    step,
    { handler, outcome, executionMs },
    { ...settled, refused: settled.refused ?? error },
    services,
  );
}

/** What was refused is told as the failure that it was stored as. */
function tellSettled(
  step: ClaimedStep,
  told: Pick<BrokerEvents['step:settled'], 'handler' | 'outcome' | 'executionMs'>,
  { settlement, refused }: Settled,
  { events }: StepServices,
): void {
  const outcome = refused !== null && told.outcome === 'completed' ? 'failed' : told.outcome;
  const code = refused?.code ?? null;
  const message = refused?.message ?? null;
  events.emit('step:settled', { ...eventOf(step.invocation), ...told, outcome, code, message, settlement });
}

const REPORT_RETRY_MS = 1000;

/** Repeats a report while the queue is away, since only we know it; null when that is given up. */
async function untilReported<Answer>(
  report: () => Promise<Answer>,
  { events, abandon }: StepServices,
): Promise<Answer | null> {
  for (;;) {
    try {
      return await report();
    } catch (error) {
      events.emit('queue:error', { code: codeOf(error), message: messageOf(error) });
      if (abandon.aborted) return null;
      await pause(REPORT_RETRY_MS, abandon);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

function eventOf(invocation: StepInvocation): StepEvent {
  const { taskUuid, stepUuid, stepName, attempt, correlationId } = invocation;
  return { taskUuid, stepUuid, stepName, attempt, correlationId };
}

/** The stable code of a fault, for events. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'ERR_INTERNAL';
}
