import { messageOf } from '../../errors.ts';
import type { Connections } from './connections.ts';
import { finalizeTask } from './finalize.ts';
import { createListener } from './listener.ts';
import { archiveMessage, QUEUES, type QueueName, RESULT_CHANNEL, takeMessage } from './messages.ts';
import { pollReadyTasks } from './poll.ts';
import { redrive } from './redrive.ts';
import { processResult, readTaskUuid } from './results.ts';
import { prune, type Retention } from './retention.ts';
import { failStaleTasks } from './stale.ts';

/** The engine at work: woken by a notification or by the clock, it drains the results and resumes what is due. */
export interface Loop {
  /** Finishes the message at hand. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  readonly databaseUrl: string;
  readonly pollMs: number;
  /** Between two looks for stale tasks, and two prunings. */
  readonly sweepMs: number;
  readonly retention: Retention | null;
  readonly failStale: boolean;
  readonly redrive: boolean;
}

export function startLoop(connections: Connections, options: LoopOptions): Loop {
  let stopping = false;
  let redriven = !options.redrive;
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  let wake = (): void => undefined;
  const listener = createListener(options.databaseUrl, RESULT_CHANNEL, () => wake());

  async function sweep(): Promise<void> {
    const nowMs = connections.nowMs() ?? Date.now();
    if (nowMs - sweptAtMs < options.sweepMs) return;
    sweptAtMs = nowMs;
    if (options.failStale) await failStaleTasks(connections);
    if (options.retention !== null) await prune(connections, options.retention);
  }

  async function round(): Promise<void> {
    if (!redriven) await redrive(connections);
    redriven = true;
    await listener.ensure();
    for (const queue of QUEUES) while (!stopping && (await processNext(connections, queue)));
    if (!stopping) await pollReadyTasks(connections);
    if (!stopping) await sweep();
  }

  async function run(): Promise<void> {
    while (!stopping) {
      // Armed before the round, so that a notification during it starts another.
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      try {
        await round();
      } catch (error) {
        if (!stopping) connections.emit({ type: 'fault', reason: messageOf(error) });
      }
      if (!stopping) await wokenOrElapsed(woken, options.pollMs);
    }
    await listener.close();
  }

  const running = run();
  return {
    stop: () => {
      stopping = true;
      wake();
      return running;
    },
  };
}

/** Processes one message; false when there is none. One that cannot be processed stays where it is. */
async function processNext(connections: Connections, queue: QueueName): Promise<boolean> {
  const { withClient, emit } = connections;
  const next = await withClient((client) => takeMessage(client, queue));
  if (next === null) return false;
  const { messageId, message } = next;
  try {
    if (queue === 'orchestration_step_results') await processResult(connections, message);
    else await finalizeTask(connections, readTaskUuid(message));
  } catch (error) {
    emit({ type: 'message_left', queue, messageId, reason: messageOf(error) });
    return true;
  }
  await withClient((client) => archiveMessage(client, queue, messageId));
  return true;
}

async function wokenOrElapsed(woken: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([woken, elapsed]);
  clearTimeout(timer);
}
