import type { Attack, ModuleSource } from './attack.ts';
import { PATIENCE, type Patience, withPatience } from './patience.ts';
import { runAttack, type Verdict } from './run-attack.ts';
import { loadAssembler } from './target/assemble.ts';
import { openTarget, type Target } from './target/target.ts';

/**
 * Runs attacks one after another, on one lane. They share a target until one does not come to an end; the next ones have
 * another.
 *
 * @throws BrokerError ERR_MISSING_DEPENDENCY when what builds the modules is not installed.
 */
export async function runAttacks(
  attacks: readonly Attack[],
  patience: Patience = PATIENCE,
): Promise<readonly Verdict[]> {
  const assemble = await loadAssembler(sourcesOf(attacks));
  const verdicts: Verdict[] = [];
  while (verdicts.length < attacks.length) {
    const target = await openTarget(assemble);
    try {
      verdicts.push(...(await runUntilUnfinished(attacks.slice(verdicts.length), target, patience)));
    } finally {
      await withPatience(patience, async () => target[Symbol.asyncDispose]());
    }
  }
  return verdicts;
}

async function runUntilUnfinished(
  attacks: readonly Attack[],
  target: Target,
  patience: Patience,
): Promise<readonly Verdict[]> {
  await admitAll(attacks, target);
  const verdicts: Verdict[] = [];
  for (const attack of attacks) {
    const verdict = await runAttack(attack, target, patience);
    verdicts.push(verdict);
    if (!verdict.finished) break;
  }
  return verdicts;
}

/** Modules that are admitted at the same time share a child, which saves the start of one for each. */
async function admitAll(attacks: readonly Attack[], { assemble, admit }: Target): Promise<void> {
  const unhurried = attacks.filter(({ by }) => by.kind === 'handler' && by.hurried !== true);
  await Promise.allSettled(sourcesOf(unhurried).map(async (source) => admit(await assemble(source))));
}

function sourcesOf(attacks: readonly Attack[]): readonly ModuleSource[] {
  return attacks.flatMap(({ by }) => (by.kind === 'handler' ? [by.module, ...(by.before ?? [])] : []));
}
