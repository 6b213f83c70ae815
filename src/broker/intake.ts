import type { ClaimedStep, StepQueue } from '../queue/step-queue.ts';

export interface Intake {
  /** Claims no more, and resolves when every step that was claimed has been handled. */
  drain(): Promise<void>;
  /** Steps claimed and not handled yet. */
  readonly inFlight: number;
}

export interface IntakeOptions {
  readonly queue: StepQueue;
  /** Steps that may be in flight now; only a free slot claims. */
  readonly slots: () => number;
  /** Must not reject. */
  readonly handle: (step: ClaimedStep) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Keeps the free slots filled: claims when the queue says something is ready and whenever a slot gets free. */
export function startIntake({ queue, slots, handle, onError }: IntakeOptions): Intake {
  let inFlight = 0;
  let claiming = false;
  let again = false;
  let draining = false;
  let drained: (() => void) | null = null;

  const settleDrain = () => {
    if (draining && inFlight === 0 && !claiming) drained?.();
  };

  const run = async (step: ClaimedStep) => {
    inFlight += 1;
    await handle(step);
    inFlight -= 1;
    settleDrain();
    void fill();
  };

  /** One claim at a time; a wake-up that arrives meanwhile leads to another. */
  const fill = async (): Promise<void> => {
    again = true;
    if (claiming) return;
    claiming = true;
    while (again && !draining && inFlight < slots()) {
      again = false;
      const wanted = slots() - inFlight;
      const claimed = await queue.claim(wanted).catch((error: unknown) => {
        onError(error);
        return [];
      });
      // A full answer means that more may be waiting.
      if (claimed.length === wanted) again = true;
      for (const step of claimed) void run(step);
    }
    claiming = false;
    settleDrain();
  };

  const unsubscribe = queue.onReady(() => void fill());
  void fill();

  return {
    get inFlight() {
      return inFlight;
    },
    async drain() {
      draining = true;
      unsubscribe();
      await new Promise<void>((resolve) => {
        drained = resolve;
        settleDrain();
      });
    },
  };
}
