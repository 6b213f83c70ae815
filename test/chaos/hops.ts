import type { EventName } from '../../src/events.ts';
import type { Random } from './random.ts';
import type { Phase } from './wire.ts';

/** Instead of the name of a statement. */
export const ANY = 'any statement';

/** From when statements count: a broker plans every statement before it listens. */
export type Since = 'start' | 'listening';

/** The moment of a blow. `nth` counts what happens from when the strike is due, over all brokers. */
export type Moment =
  | {
      readonly on: 'statement';
      readonly name: string;
      readonly nth: number;
      readonly phase: Phase;
      readonly share: number;
      readonly since: Since;
    }
  | { readonly on: 'event'; readonly event: EventName; readonly step: string | null; readonly nth: number }
  /** A guest waits for an answer from outside. */
  | { readonly on: 'call'; readonly nth: number };

export const at = {
  statement: (name: string, phase: Phase, nth = 1, share = 0.5, since: Since = 'listening'): Moment => ({
    on: 'statement',
    name,
    phase,
    nth,
    share,
    since,
  }),
  event: (event: EventName, step: string | null = null, nth = 1): Moment => ({
    on: 'event',
    event,
    step,
    nth,
  }),
  call: (nth = 1): Moment => ({ on: 'call', nth }),
};

/**
 * The hops of one invocation (design: intake, claim, hydrate, admission, guest, result, settlement), each with how often
 * it is sure to be passed: a task runs at least first, left, gate and last one after the other.
 */
export const HOPS = {
  'before reading': (random) => at.statement('READ_MESSAGES', 'before', 1 + random.below(4)),
  'before claim': (random) => at.statement('CLAIM_STEPS', 'before', 1 + random.below(4)),
  'in claim': (random) => at.statement('CLAIM_STEPS', 'sent', 1 + random.below(4)),
  'after claim': (random) => at.statement('CLAIM_STEPS', 'answered', 1 + random.below(4)),
  'before hydration': (random) => at.statement('LOAD_STEPS', 'before', 1 + random.below(4)),
  'after hydration': (random) =>
    at.event('step:claimed', random.pick(['first', 'left', 'right', 'gate', 'last'])),
  'after admission': (random) =>
    at.event('step:started', random.pick(['first', 'left', 'right', 'gate', 'last'])),
  'in the guest': () => at.call(),
  'before checkpoint': (random) => at.statement('STORE_CHECKPOINT', 'before', 1 + random.below(3)),
  'in checkpoint': (random) => at.statement('STORE_CHECKPOINT', 'sent', 1 + random.below(3)),
  'after checkpoint': (random) => at.statement('STORE_CHECKPOINT', 'answered', 1 + random.below(3)),
  'before parking': () => at.statement('PARK_STEP', 'before'),
  'in parking': () => at.statement('PARK_STEP', 'sent'),
  'after parking': () => at.statement('PARK_STEP', 'answered'),
  'while waiting': () => at.event('step:waiting', 'gate'),
  'before settlement': (random) => at.statement('COMPLETE_STEPS', 'before', 1 + random.below(3)),
  'in settlement': (random) => at.statement('COMPLETE_STEPS', 'sent', 1 + random.below(3)),
  'after settlement': (random) => at.statement('COMPLETE_STEPS', 'answered', 1 + random.below(3)),
  'after its answer': (random) => at.event('step:settled', random.pick(['first', 'left', 'right'])),
} satisfies Record<string, (random: Random) => Moment>;
export type Hop = keyof typeof HOPS;

/** Every statement that a broker is sure to send in a run, and how often at least. */
export const STATEMENTS: Readonly<Record<string, number>> = {
  CREATE_QUEUES: 1,
  CHANNEL_NAMESPACE: 1,
  LOCK_INSTANCE: 1,
  REGISTER_INSTANCE: 1,
  LISTEN: 1,
  EXPLAIN: 30,
  SAVEPOINT: 30,
  ROLLBACK: 1,
  UPSERT_NAMESPACE: 1,
  UPSERT_TEMPLATE: 1,
  LIST_INSTANCES: 1,
  strandedSteps: 1,
  RESEND_STRANDED_RESULTS: 1,
  FORGET_MOVED_ON: 1,
  LOCK_OVERDUE: 1,
  NUDGE_DUE_RETRIES: 1,
  NUDGE_STALLED_TASKS: 1,
  READ_MESSAGES: 4,
  CLAIM_STEPS: 4,
  LOAD_STEPS: 4,
  LOAD_DEPENDENCIES: 2,
  STORE_CHECKPOINT: 3,
  ROOM_TO_WAIT: 1,
  PARK_STEP: 1,
  COMPLETE_STEPS: 3,
  BEGIN: 2,
  COMMIT: 2,
  STOP_INSTANCE: 1,
  FORGET_INSTANCE: 1,
};

/** Those of a broker's start. */
const STARTING = [
  'CREATE_QUEUES',
  'CHANNEL_NAMESPACE',
  'LOCK_INSTANCE',
  'REGISTER_INSTANCE',
  'LISTEN',
  'EXPLAIN',
  'SAVEPOINT',
];
const TRANSACTION = ['BEGIN', 'COMMIT', 'ROLLBACK'];
export const sinceOf = (name: string): Since =>
  [...STARTING, ...TRANSACTION].includes(name) ? 'start' : 'listening';

/** Where a statement's connection can be cut. */
export const CUTS: readonly [Phase, ...Phase[]] = ['before', 'torn', 'sent', 'answered', 'torn answer'];
