import { BrokerError } from '../errors.ts';

/**
 * | state    | meaning                                      | left by            |
 * |----------|----------------------------------------------|--------------------|
 * | created  | wired, claims nothing                         | start, stop        |
 * | running  | claims steps for every free slot              | drain              |
 * | draining | claims nothing, finishes what runs            | last step settled  |
 * | stopped  | final                                         |                    |
 */
export type BrokerState = 'created' | 'running' | 'draining' | 'stopped';

const NEXT: Readonly<Record<BrokerState, readonly BrokerState[]>> = {
  created: ['running', 'stopped'],
  running: ['draining'],
  draining: ['stopped'],
  stopped: [],
};

/** The broker's state; the only place that changes it. */
export interface Lifecycle {
  readonly state: BrokerState;
  become(next: BrokerState): void;
}

export function createLifecycle(): Lifecycle {
  let state: BrokerState = 'created';
  return Object.freeze({
    get state() {
      return state;
    },
    become(next: BrokerState): void {
      if (!NEXT[state].includes(next))
        throw new BrokerError('ERR_INTERNAL', `the broker cannot go from ${state} to ${next}`);
      state = next;
    },
  });
}
