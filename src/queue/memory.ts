import type { StepInvocation } from '../model/invocation.ts';
import type { JsonObject } from '../model/json.ts';
import type { StepResult } from '../model/step-result.ts';
import { retryDelayMs } from './retry-delay.ts';
import type { ClaimedStep, ParkedStep, Settled, StepQueue } from './step-queue.ts';
import { resultOfWait, type WaitEnd } from './wait-result.ts';

/** Steps in this process's memory: for tests and for developing handlers without a database. Nothing survives it. */
export interface MemoryQueue extends StepQueue {
  /** Adds a step at the end of the queue. Its `attempt` is the first that will be claimed. */
  enqueue(invocation: StepInvocation): void;
  /** Withdraws a step, as an operator cancels one: it is not claimed any more, and a running attempt's result is lost. */
  cancel(stepUuid: string): void;
  /** Ends the wait of a parked step. False: it does not wait (any more). */
  decide(stepUuid: string, end: WaitEnd): boolean;
  /** The last result that was accepted for a step, if any. */
  resultOf(stepUuid: string): StepResult | undefined;
  /** Steps that wait to be claimed, those whose retry is not due yet included. */
  readonly depth: number;
}

export interface MemoryQueueOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Calls back after a delay and returns what cancels it. Default: a timer that keeps no process alive. */
  readonly schedule?: (callback: () => void, delayMs: number) => () => void;
}

const SETTLED: Settled = Object.freeze({ settlement: 'settled', refused: null });
const LOST: Settled = Object.freeze({ settlement: 'lost', refused: null });

/** What is retried without a delay of its own waits this long, as under Tasker's default. */
const RETRY_DEFAULT_MS = 2000;

interface Waiting {
  readonly invocation: StepInvocation;
  readonly dueMs: number;
}

/**
 * A StepQueue with the semantics of Tasker's: first come, first served; a claim belongs to one attempt; a retryable
 * failure comes back after its delay while attempts are left; a step that somebody else moved on accepts no result.
 */
export function createMemoryQueue({
  now = Date.now,
  schedule = scheduleTimer,
}: MemoryQueueOptions = {}): MemoryQueue {
  let waiting: Waiting[] = [];
  /** The attempt that holds each claimed step. */
  const claimed = new Map<string, number>();
  const results = new Map<string, StepResult>();
  const checkpoints = new Map<string, JsonObject>();
  const parked = new Map<string, { readonly step: ParkedStep; readonly sinceMs: number }>();
  const listeners = new Set<() => void>();
  const lostListeners = new Set<(stepUuid: string) => void>();
  const cancelTimers = new Set<() => void>();
  let closed = false;

  const announce = (): void => {
    for (const listener of [...listeners]) listener();
  };

  const announceIn = (delayMs: number): void => {
    const cancel = schedule(() => {
      cancelTimers.delete(cancel);
      announce();
    }, delayMs);
    cancelTimers.add(cancel);
  };

  const add = (invocation: StepInvocation, delayMs: number): void => {
    waiting.push({ invocation, dueMs: now() + delayMs });
    announceIn(delayMs);
  };

  const owns = ({ stepUuid, attempt }: StepInvocation): boolean => claimed.get(stepUuid) === attempt;

  return {
    get depth() {
      return waiting.length;
    },
    enqueue: (invocation) => add(invocation, 0),
    cancel(stepUuid) {
      waiting = waiting.filter(({ invocation }) => invocation.stepUuid !== stepUuid);
      if (claimed.delete(stepUuid)) for (const listener of [...lostListeners]) listener(stepUuid);
    },
    resultOf: (stepUuid) => results.get(stepUuid),
    async claim(slots): Promise<readonly ClaimedStep[]> {
      const nowMs = now();
      const due = closed ? [] : waiting.filter(({ dueMs }) => dueMs <= nowMs).slice(0, Math.max(0, slots));
      waiting = waiting.filter((step) => !due.includes(step));
      for (const { invocation } of due) claimed.set(invocation.stepUuid, invocation.attempt);
      return due.map(({ invocation }) => {
        const checkpoint = checkpoints.get(invocation.stepUuid) ?? invocation.checkpoint;
        return Object.freeze({ invocation: { ...invocation, checkpoint }, claimedAtMs: nowMs });
      });
    },
    async checkpoint({ invocation }, checkpoint): Promise<Settled> {
      if (!owns(invocation)) return LOST;
      checkpoints.set(invocation.stepUuid, { ...checkpoint });
      return SETTLED;
    },
    async park({ invocation }, step): Promise<Settled> {
      if (!owns(invocation)) return LOST;
      parked.set(invocation.stepUuid, { step, sinceMs: now() });
      return SETTLED;
    },
    decide(stepUuid, end) {
      const waits = parked.get(stepUuid);
      if (waits === undefined || !claimed.has(stepUuid)) return false;
      parked.delete(stepUuid);
      claimed.delete(stepUuid);
      results.set(stepUuid, resultOfWait(waits.step, end, now() - waits.sinceMs));
      return true;
    },
    async settle({ invocation }, result): Promise<Settled> {
      if (!owns(invocation)) return LOST;
      claimed.delete(invocation.stepUuid);
      results.set(invocation.stepUuid, result);
      const uncounted = result.uncounted === true;
      if (result.error?.retryable === true && (uncounted || invocation.attempt < invocation.maxAttempts)) {
        const { retry, attempt } = invocation;
        const delayMs = result.error.retryAfterMs ?? retryDelayMs(retry, attempt) ?? RETRY_DEFAULT_MS;
        add({ ...invocation, attempt: uncounted ? attempt : attempt + 1 }, delayMs);
      }
      return SETTLED;
    },
    onReady(listener) {
      // The same function may subscribe twice; each subscription ends by itself.
      const own = () => listener();
      listeners.add(own);
      return () => listeners.delete(own);
    },
    onLost(listener) {
      lostListeners.add(listener);
      return () => lostListeners.delete(listener);
    },
    async close() {
      closed = true;
      lostListeners.clear();
      listeners.clear();
      for (const cancel of cancelTimers) cancel();
      cancelTimers.clear();
    },
  };
}

function scheduleTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}
