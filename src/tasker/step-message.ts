import * as z from 'zod';

/** The whole message, in both directions: three ids. What they stand for is in Tasker's tables. */
const StepMessage = z.object({ task_uuid: z.guid(), step_uuid: z.guid(), correlation_id: z.guid() });

/** A message of the worker queue as `pgmq.read` returns it; ids of messages are bigint and stay text. */
export interface Delivery {
  readonly messageId: string;
  readonly stepUuid: string;
}

/** Sorts what was read into deliveries and messages that no reader will ever understand. */
export function parseDeliveries(rows: readonly { readonly msg_id: string; readonly message: unknown }[]): {
  readonly deliveries: readonly Delivery[];
  readonly poisonIds: readonly string[];
} {
  const deliveries: Delivery[] = [];
  const poisonIds: string[] = [];
  for (const row of rows) {
    // untrusted: whoever may insert into the queue's table wrote this.
    const message = StepMessage.safeParse(row.message);
    if (message.success) {
      deliveries.push({ messageId: row.msg_id, stepUuid: message.data.step_uuid.toLowerCase() });
    } else {
      poisonIds.push(row.msg_id);
    }
  }
  return { deliveries, poisonIds };
}
