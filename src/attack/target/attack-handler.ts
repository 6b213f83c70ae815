import type { CatalogEntry } from '../../catalog/catalog.ts';
import { isBrokerError } from '../../errors.ts';
import type { Events } from '../../events.ts';
import { Grants } from '../../model/grant.ts';
import type { JsonValue } from '../../model/json.ts';
import { completeLimits } from '../../model/limits.ts';
import type { HandlerAttack, ModuleSource } from '../attack.ts';
import { abiOf } from './assemble.ts';
import { addHandler } from './handler-folder.ts';
import type { Ended } from './observed.ts';
import { startRunner } from './run-steps.ts';
import { GOOD, ISOLATED, TARGET_LIMITS, type Target } from './target.ts';

/** What came of it, with all that was stored for its steps. */
export interface HandlerEnd extends Ended {
  readonly stored: readonly JsonValue[];
  readonly servesOn: boolean;
}

const GOOD_CONTEXT = Object.freeze({ still: 'served' });

/** Loads the handler as a broker does at start, runs its steps, then one of a good handler on the same lane. */
export async function attackHandler(
  id: string,
  attack: HandlerAttack,
  target: Target,
  events: Events,
): Promise<HandlerEnd> {
  const isolated = attack.isolated === true;
  const name = `${isolated ? ISOLATED : ''}${id.replaceAll('-', '_')}`;
  const loaded = await loadAll(name, attack, target, events);
  const entries = [...target.good, ...loaded.entries];
  const grants = Object.fromEntries(entries.map((entry) => [entry.name, Grants.parse(attack.grants ?? [])]));
  const limits = completeLimits({ ...TARGET_LIMITS, ...attack.limits });
  const { sandbox } = target;
  await using runner = startRunner({ sandbox, entries, grants, limits, events, outline: attack.outline });
  const stored: JsonValue[] = [];
  let servesOn = true;
  const serveGood = async () => {
    const callable = isolated ? `${ISOLATED}${GOOD}` : GOOD;
    const { output } = await runner.run({ callable, context: GOOD_CONTEXT });
    servesOn &&= JSON.stringify(output) === JSON.stringify(GOOD_CONTEXT);
  };
  let ended: Ended = loaded.refusal ?? { outcome: 'not run', code: null, output: null };
  if (loaded.refusal === null) {
    const run = async (callable: string, context = attack.step?.context) => {
      const { stored: result, ...end } = await runner.run({
        ...attack.step,
        callable,
        ...(context && { context }),
      });
      stored.push(result);
      return end;
    };
    const before = (attack.before ?? []).map((_, at) => () => run(beforeName(name, at)));
    const same = (attack.contextsBefore ?? []).map((context) => () => run(name, context));
    for (const runOne of [...before, ...same]) {
      await runOne();
      await serveGood();
    }
    ended = await run(attack.step?.callable ?? name);
  }
  await serveGood();
  return { ...ended, stored, servesOn };
}

const beforeName = (name: string, at: number) => `${name}_before_${at}`;

async function loadAll(
  name: string,
  attack: HandlerAttack,
  target: Target,
  events: Events,
): Promise<{ readonly entries: readonly CatalogEntry[]; readonly refusal: Ended | null }> {
  const { grants = [], requests = grants, configSchema, outputSchema, before = [] } = attack;
  const admit = attack.hurried === true ? target.admitHurried : target.admit;
  const load = async (own: string, source: ModuleSource) => {
    const made = { bytes: await target.assemble(source), abi: abiOf(source) };
    const files = { name: own, ...made, requests, configSchema, outputSchema };
    return addHandler(target.folder, files, admit, events);
  };
  try {
    const sources = before.map((source, at) => load(beforeName(name, at), source));
    return { entries: await Promise.all([load(name, attack.module), ...sources]), refusal: null };
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    return { entries: [], refusal: { outcome: 'not admitted', code: error.code, output: null } };
  }
}
