import type { Attack, ModuleSource } from './attack.ts';
import { runAttack, type Verdict } from './run-attack.ts';
import { loadAssembler } from './target/assemble.ts';
import { openTarget, type Target } from './target/target.ts';

/**
 * Runs attacks one after another against one target, on one lane.
 *
 * @throws BrokerError ERR_MISSING_DEPENDENCY when what builds the modules is not installed.
 */
export async function runAttacks(
  attacks: readonly Attack[],
  onVerdict: (verdict: Verdict) => void = () => {},
): Promise<readonly Verdict[]> {
  await using target = await openTarget(await loadAssembler(sourcesOf(attacks)));
  await admitAll(attacks, target);
  const verdicts: Verdict[] = [];
  for (const attack of attacks) {
    const verdict = await runAttack(attack, target);
    verdicts.push(verdict);
    onVerdict(verdict);
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
