import type { Events } from '../events.ts';
import type { Attack } from './attack.ts';
import { PATIENCE, type Patience, withPatience } from './patience.ts';
import { attackHandler, type HandlerEnd } from './target/attack-handler.ts';
import { attackScript } from './target/attack-script.ts';
import { attackWorker } from './target/attack-worker.ts';
import { type Observed, watch } from './target/observed.ts';
import { SECRET_HOST, secretFormsIn } from './target/secret.ts';
import type { Target } from './target/target.ts';

/** What came of one attack. */
export interface Verdict {
  readonly attack: Attack;
  readonly observed: Observed;
  readonly tookMs: number;
  readonly finished: boolean;
  /** In what it differs from what was expected; empty when the attack was held off. */
  readonly faults: readonly string[];
}

/** An attack that takes longer than patience lasts has failed; it may still be at work on its target. */
export async function runAttack(
  attack: Attack,
  target: Target,
  patience: Patience = PATIENCE,
): Promise<Verdict> {
  const startedMs = performance.now();
  const { events, told, counters } = watch();
  target.internet.begin(attack.by.kind === 'handler' ? (attack.by.zone ?? {}) : {});
  target.report(events);
  const finished = await withPatience(patience, (signal) => attempt(attack, target, events, signal));
  const ended = finished ?? UNFINISHED;
  const elsewhere = target.internet.arrivals.filter(({ host }) => host !== SECRET_HOST);
  const observed: Observed = {
    outcome: ended.outcome,
    code: ended.code,
    output: ended.output,
    events: told.map(({ name }) => name),
    counters: await counters(),
    dialled: target.internet.dialled,
    left: JSON.stringify([told, ended.stored, ended.output, elsewhere]),
    servesOn: ended.servesOn,
  };
  const tookMs = Math.round(performance.now() - startedMs);
  const late = finished === null ? [`took longer than ${patience.limitMs} ms`] : [];
  return {
    attack,
    observed,
    tookMs,
    finished: finished !== null,
    faults: [...late, ...faultsOf(attack, observed)],
  };
}

const UNFINISHED: HandlerEnd = Object.freeze({
  outcome: 'unfinished',
  code: null,
  output: null,
  stored: [],
  servesOn: true,
});

async function attempt(
  { id, by }: Attack,
  target: Target,
  events: Events,
  signal: AbortSignal,
): Promise<HandlerEnd> {
  switch (by.kind) {
    case 'handler':
      return attackHandler(id, by, target, events);
    case 'worker':
      return attackWorker(id, by, target, events);
    case 'script':
      return { ...(await attackScript(by, signal)), stored: [], servesOn: true };
  }
}

function faultsOf({ expect, threat }: Attack, observed: Observed): readonly string[] {
  const faults: string[] = [];
  const differs = (what: string, expected: unknown, got: unknown) => {
    const [one, other] = [JSON.stringify(expected), JSON.stringify(got)];
    if (one !== other) faults.push(`${what}: expected ${one}, got ${other}`);
  };
  differs('outcome', expect.outcome, observed.outcome);
  differs('code', expect.code, observed.code);
  differs('dialled', expect.dialled ?? [], observed.dialled);
  if (expect.output !== undefined) differs('output', expect.output, observed.output);
  const { metric, event } = expect;
  if (metric !== null && !observed.counters.some((line) => line.startsWith(`${metric} `))) {
    faults.push(`counter: expected ${metric}, got ${observed.counters.join(', ') || 'none'}`);
  }
  if (event !== null && !observed.events.includes(event)) faults.push(`event: expected ${event}, got none`);
  const mayLoseLanes = threat === 'lane' || event === 'lane:lost';
  if (!mayLoseLanes && observed.events.includes('lane:lost')) faults.push('a lane was lost');
  const forms = secretFormsIn(observed.left);
  if (forms.length > 0) faults.push(`the secret left, ${forms.join(', ')}`);
  if (!observed.servesOn) faults.push('the next step was not served rightly');
  return faults;
}
