import type { Attack } from './attack.ts';
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
  await using target = await openTarget(await loadAssembler());
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
async function admitAll(attacks: readonly Attack[], { assemble, sandbox }: Target): Promise<void> {
  const sources = attacks.flatMap(({ by }) =>
    by.kind === 'handler' && by.hurried !== true ? [by.module, ...(by.before ?? [])] : [],
  );
  await Promise.allSettled(sources.map(async (source) => sandbox.admit(await assemble(source))));
}
