import type { EventName } from '../../src/events.ts';
import type { ServerDeath } from './postgres-server.ts';
import type { Random } from './random.ts';
import type { Phase } from './wire.ts';

/** What is struck. */
export type Blow = 'kill' | 'drain' | 'lanes' | 'cut' | ServerDeathBlow;
type ServerDeathBlow = `postgres ${ServerDeath}`;

/** Instead of the name of a statement. */
export const ANY = 'any statement';

/** From when statements count. A broker tries claim and completion on a step of its own before it listens. */
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

export interface Strike {
  readonly at: Moment;
  readonly blow: Blow;
}

/** One run's misfortune. The second strike is due when the first has hit. */
export interface Fault {
  readonly name: string;
  readonly brokers: number;
  readonly strikes: readonly Strike[];
}

/** What the seed leaves open of a fault. */
type Plan = (random: Random) => { readonly strikes: readonly Strike[]; readonly brokers?: number };

const at = {
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
const HOPS: Readonly<Record<string, (random: Random) => Moment>> = {
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
};

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
const sinceOf = (name: string): Since =>
  [...STARTING, ...TRANSACTION].includes(name) ? 'start' : 'listening';
const CUTS: readonly [Phase, ...Phase[]] = ['before', 'torn', 'sent', 'answered', 'torn answer'];

const cutOf =
  (name: string, times: number): Plan =>
  (random) => {
    const [phase, nth, share] = [random.pick(CUTS), 1 + random.below(times), random.below(1000) / 1000];
    return { strikes: [{ at: at.statement(name, phase, nth, share, sinceOf(name)), blow: 'cut' }] };
  };

const whileRecovering: Plan = (random) => ({
  strikes: [
    { at: at.call(), blow: 'kill' },
    {
      at: random.pick([
        at.statement('LOCK_DEAD_INSTANCE', 'before'),
        at.statement('STEPS_OF_INSTANCE', 'answered'),
        at.statement('COMPLETE_STEPS', 'answered'),
        at.statement('FORGET_INSTANCE', 'answered'),
        at.statement('COMMIT', 'before'),
        at.statement('COMMIT', 'answered'),
      ]),
      blow: random.pick(['kill', 'cut']),
    },
  ],
});

const postgresBlow = (random: Random): Blow => random.pick(['postgres immediate', 'postgres kill']);
const postgresAt =
  (moment: (random: Random) => Moment): Plan =>
  (random) => ({ strikes: [{ at: moment(random), blow: postgresBlow(random) }] });

/** The answer is lost again and again. */
const cutAgain: Plan = (random) => {
  const name = random.pick(['CLAIM_STEPS', 'COMPLETE_STEPS', 'STORE_CHECKPOINT', 'READ_MESSAGES']);
  const again = name === 'COMPLETE_STEPS' ? random.pick(['COMPLETE_STEPS', 'COMPLETED_BY_WORKER']) : name;
  return {
    strikes: [
      { at: at.statement(name, 'answered'), blow: 'cut' },
      { at: at.statement(again, again === name ? random.pick(CUTS) : 'before'), blow: 'cut' },
    ],
  };
};

const THREE = ['before claim', 'after claim', 'in the guest', 'before settlement', 'after settlement'];

/** Any of the first statements after the start. A run has more of them. */
const anywhere =
  (blow: Blow, phases: readonly [Phase, ...Phase[]]): Plan =>
  (random) => ({
    strikes: [
      { at: at.statement(ANY, random.pick(phases), 1 + random.below(40), random.below(1000) / 1000), blow },
    ],
  });

const DRAINED = ['after claim', 'after hydration', 'in the guest', 'after checkpoint', 'before settlement'];

const PLANS: Readonly<Record<string, Plan>> = {
  ...Object.fromEntries(
    Object.entries(HOPS).map(([hop, moment]) => [
      `kill ${hop}`,
      (random: Random) => ({ strikes: [{ at: moment(random), blow: 'kill' as const }] }),
    ]),
  ),
  'kill while recovering': whileRecovering,
  'kill anywhere': anywhere('kill', ['before', 'sent', 'answered']),
  ...Object.fromEntries(
    THREE.map((hop) => [
      `kill one of three ${hop}`,
      (random: Random) => ({
        brokers: 3,
        strikes: [{ at: (HOPS[hop] ?? (() => at.call()))(random), blow: 'kill' as const }],
      }),
    ]),
  ),
  ...Object.fromEntries(
    DRAINED.map((hop) => [
      `drain ${hop}`,
      (random: Random) => ({
        strikes: [{ at: (HOPS[hop] ?? (() => at.call()))(random), blow: 'drain' as const }],
      }),
    ]),
  ),
  lanes: () => ({ strikes: [{ at: at.call(), blow: 'lanes' }] }),
  ...Object.fromEntries(
    ['after claim', 'in the guest', 'after checkpoint', 'before settlement', 'after settlement'].map(
      (hop) => [`postgres ${hop}`, postgresAt(HOPS[hop] ?? (() => at.call()))],
    ),
  ),
  ...Object.fromEntries(
    Object.entries(STATEMENTS).map(([name, times]) => [`cut ${name}`, cutOf(name, times)]),
  ),
  'cut anywhere': anywhere('cut', CUTS),
  'cut again': cutAgain,
};

export const FAULT_NAMES: readonly string[] = Object.keys(PLANS);

/** A fault by its name, with what it leaves open decided by `random`. */
export function planFault(name: string, random: Random): Fault {
  const plan = PLANS[name];
  if (plan === undefined) throw new Error(`no fault "${name}"; there are: ${FAULT_NAMES.join(', ')}`);
  return { name, brokers: 1, ...plan(random) };
}
