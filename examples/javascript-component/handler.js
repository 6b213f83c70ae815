import { config } from 'tasker:catalog/documents@0.1.0';
import { log } from 'tasker:catalog/log@0.1.0';

/** Adds up an order. Input and output are JSON texts; what is thrown fails the step. */
export function handle(input) {
  const { id, items } = JSON.parse(input);
  if (items.length === 0) {
    throw { code: 'order_empty', message: `order ${id} has no items`, retryable: false };
  }
  const { discount = 0 } = JSON.parse(config());
  const total = items.reduce((sum, { qty, price }) => sum + qty * price, 0) * (1 - discount);
  log('info', `totalled order ${id}`);
  return JSON.stringify({ id, total });
}
