import { ANY, at, CUTS, HOPS, type Hop, type Moment, STATEMENTS, sinceOf } from './hops.ts';
import type { ServerDeath } from './postgres-server.ts';
import type { Random } from './random.ts';
import type { Phase } from './wire.ts';

/** What is struck. */
export type Blow = 'kill' | 'drain' | 'lanes' | 'cut' | ServerDeathBlow;
type ServerDeathBlow = `postgres ${ServerDeath}`;

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

/** Any of the first statements after the start. A run has more of them. */
const anywhere =
  (blow: Blow, phases: readonly [Phase, ...Phase[]]): Plan =>
  (random) => ({
    strikes: [
      { at: at.statement(ANY, random.pick(phases), 1 + random.below(40), random.below(1000) / 1000), blow },
    ],
  });

type BlowOf = (random: Random) => Blow;

/** One plan for each of the hops, named after it. */
function atHops(
  prefix: string,
  hops: readonly Hop[],
  blow: BlowOf,
  brokers = 1,
): Readonly<Record<string, Plan>> {
  const planOf =
    (hop: Hop): Plan =>
    (random) => ({ brokers, strikes: [{ at: HOPS[hop](random), blow: blow(random) }] });
  return Object.fromEntries(hops.map((hop) => [`${prefix} ${hop}`, planOf(hop)]));
}

const PLANS: Readonly<Record<string, Plan>> = {
  ...atHops('kill', Object.keys(HOPS) as Hop[], () => 'kill'),
  'kill while recovering': whileRecovering,
  'kill anywhere': anywhere('kill', ['before', 'sent', 'answered']),
  ...atHops(
    'kill one of three',
    ['before claim', 'after claim', 'in the guest', 'before settlement', 'after settlement'],
    () => 'kill',
    3,
  ),
  ...atHops(
    'drain',
    ['after claim', 'after hydration', 'in the guest', 'after checkpoint', 'before settlement'],
    () => 'drain',
  ),
  ...atHops('lanes', ['in the guest'], () => 'lanes'),
  ...atHops(
    'postgres',
    ['after claim', 'in the guest', 'after checkpoint', 'before settlement', 'after settlement'],
    (random) => random.pick(['postgres immediate', 'postgres kill']),
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
