import { messageOf } from '../../errors.ts';
import { advanceTask } from './advance.ts';
import type { Connections } from './connections.ts';
import { createListener } from './listener.ts';
import { findDueTasks, findReportedSteps, lockTask } from './redrive.ts';
import { archiveResult, deferResult, RESULT_CHANNEL, takeResult } from './result-queue.ts';
import { processResult, settleStep, UnreadableResult } from './results.ts';

/** The engine at work: woken by a notification or by the clock, it drains the results and resumes due retries. */
export interface Loop {
  /** Finishes the transaction at hand. */
  stop(): Promise<void>;
}

export function startLoop(connections: Connections, databaseUrl: string, pollMs: number): Loop {
  let stopping = false;
  let redriven = false;
  let wake = (): void => undefined;
  const listener = createListener(databaseUrl, RESULT_CHANNEL, () => wake());

  async function round(): Promise<void> {
    if (!redriven) await redrive(connections);
    redriven = true;
    await listener.ensure();
    while (!stopping && (await processNext(connections)));
    if (!stopping) await resumeDue(connections);
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
      if (!stopping) await wokenOrElapsed(woken, pollMs);
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

/** Processes one result message; false when there is none. */
async function processNext({ inWave, withClient, emit }: Connections): Promise<boolean> {
  let taken: string | null = null;
  try {
    return await inWave(async (wave) => {
      const next = await takeResult(wave.client);
      if (next === null) return false;
      taken = next.messageId;
      await processResult(wave, next.message);
      await archiveResult(wave.client, next.messageId);
      return true;
    });
  } catch (error) {
    if (taken === null) throw error;
    const messageId: string = taken;
    const archived = await withClient((client) => deferResult(client, messageId));
    emit({ type: 'message_deferred', messageId, archived, reason: messageOf(error) });
    return true;
  }
}

async function resumeDue({ inWave, withClient, nowMs }: Connections): Promise<void> {
  for (const taskUuid of await withClient((client) => findDueTasks(client, nowMs()))) {
    await inWave(async (wave) => {
      await lockTask(wave.client, taskUuid);
      await advanceTask(wave, taskUuid);
    });
  }
}

/** Settles what workers reported while no engine ran and whose message is gone. */
async function redrive({ inWave, withClient }: Connections): Promise<void> {
  for (const stepUuid of await withClient(findReportedSteps)) {
    try {
      await inWave((wave) => settleStep(wave, stepUuid));
    } catch (error) {
      if (!(error instanceof UnreadableResult)) throw error; // reported when its message is read
    }
  }
}

async function wokenOrElapsed(woken: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([woken, elapsed]);
  clearTimeout(timer);
}
