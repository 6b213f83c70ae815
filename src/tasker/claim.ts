import type { Database } from './connection.ts';
import { isConflict, isUnavailable, isUniqueViolation } from './database-error.ts';
import {
  ARCHIVE_MESSAGES,
  ARCHIVE_STALE_MESSAGES,
  CLAIM_STEPS,
  CLAIMS_OF_WORKER,
  READ_MESSAGES,
} from './sql/claim.ts';
import { type Delivery, parseDeliveries } from './step-message.ts';

/** Something to claim: a delivery, or a step that was found without its message. */
type Candidate = Omit<Delivery, 'messageId'> & { readonly messageId: string | null };

/** Takes steps from one queue for one worker. */
export interface Claimer {
  /**
   * Claims at most `slots` steps. They are announced by `onClaimed` as soon as they are certain, so that none is
   * forgotten when a later part of the call fails.
   */
  claim(slots: number): Promise<void>;
  /** Adds steps that are enqueued without a message; the next claims take them. */
  offer(stepUuids: readonly string[]): void;
}

export interface ClaimerOptions {
  readonly database: Database;
  readonly queue: string;
  readonly workerUuid: string;
  readonly visibilityTimeoutS: number;
  readonly now: () => number;
  /** These steps are this worker's now. */
  readonly onClaimed: (stepUuids: readonly string[]) => void;
  /** Messages that were no step messages have been archived. */
  readonly onPoison: (count: number) => void;
}

/** How long a claim whose answer was lost with its connection may still be committing. */
const IN_DOUBT_MS = 60_000;

export function createClaimer(options: ClaimerOptions): Claimer {
  const { queue, workerUuid, now } = options;
  const { pool } = options.database;
  const offered = new Set<string>();
  /** Steps that may be ours: until when to look. */
  const doubtUntilMs = new Map<string, number>();

  const announce = (stepUuids: readonly string[]): readonly string[] => {
    for (const step of stepUuids) doubtUntilMs.delete(step);
    if (stepUuids.length > 0) options.onClaimed(stepUuids);
    return stepUuids;
  };

  /** How many of the steps in doubt turn out to be ours. */
  const resolveDoubts = async (): Promise<number> => {
    if (doubtUntilMs.size === 0) return 0;
    const { rows } = await pool.query<{ step_uuid: string }>(CLAIMS_OF_WORKER, [
      [...doubtUntilMs.keys()],
      workerUuid,
    ]);
    const adopted = announce(rows.map(({ step_uuid }) => step_uuid)).length;
    for (const [step, untilMs] of doubtUntilMs) if (now() > untilMs) doubtUntilMs.delete(step);
    return adopted;
  };

  const read = async (quantity: number): Promise<readonly Delivery[]> => {
    const { rows } = await pool.query(READ_MESSAGES, [queue, options.visibilityTimeoutS, quantity]);
    const { deliveries, poisonIds } = parseDeliveries(rows);
    if (poisonIds.length > 0) {
      await pool.query(ARCHIVE_MESSAGES, [queue, poisonIds]);
      options.onPoison(poisonIds.length);
    }
    return deliveries;
  };

  const claimBatch = async (batch: readonly Candidate[]): Promise<readonly string[]> => {
    const steps = batch.map(({ stepUuid }) => stepUuid);
    const messages = batch.map(({ messageId }) => messageId);
    try {
      const { rows } = await pool.query<{ step_uuid: string }>(CLAIM_STEPS, [
        steps,
        messages,
        workerUuid,
        queue,
      ]);
      const won = new Set(rows.map(({ step_uuid }) => step_uuid));
      // In the order of the messages.
      return announce([...new Set(steps)].filter((step) => won.has(step)));
    } catch (error) {
      if (isUnavailable(error)) {
        for (const { stepUuid } of batch) doubtUntilMs.set(stepUuid, now() + IN_DOUBT_MS);
        throw error;
      }
      if (!isUniqueViolation(error) && !isConflict(error)) throw error;
      // Another kind of worker moved one of these steps at the same time: that one is lost, the others are not.
      if (batch.length <= 1) return [];
      const won: string[] = [];
      for (const candidate of batch) won.push(...(await claimBatch([candidate])));
      return won;
    }
  };

  const archiveStale = async (deliveries: readonly Delivery[], won: ReadonlySet<string>): Promise<void> => {
    const left = deliveries.filter(({ stepUuid }) => !won.has(stepUuid));
    if (left.length === 0) return;
    await pool.query(ARCHIVE_STALE_MESSAGES, [
      queue,
      left.map(({ stepUuid }) => stepUuid),
      left.map(({ messageId }) => messageId),
    ]);
  };

  /** At most `quantity` of the steps without a message; they are not offered twice. */
  const takeOffered = (quantity: number): readonly Candidate[] => {
    const taken = [...offered].slice(0, Math.max(0, quantity));
    for (const stepUuid of taken) offered.delete(stepUuid);
    return taken.map((stepUuid) => ({ stepUuid, messageId: null }));
  };

  return {
    offer(stepUuids) {
      for (const stepUuid of stepUuids) offered.add(stepUuid);
    },
    async claim(slots) {
      const adopted = await resolveDoubts();
      const withoutMessage = takeOffered(slots - adopted);
      const free = slots - adopted - withoutMessage.length;
      const deliveries = free > 0 ? await read(free) : [];
      const batch = [...withoutMessage, ...deliveries];
      if (batch.length === 0) return;
      const won = await claimBatch(batch);
      await archiveStale(deliveries, new Set(won)).catch(() => {
        // They are delivered again and archived then.
      });
    },
  };
}
