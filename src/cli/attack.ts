import type { Command } from 'commander';
import type { Attack } from '../attack/attack.ts';
import { THREATS } from '../attack/threats.ts';
import { BrokerError } from '../errors.ts';
import { renderVerdicts, verdictsAsJson } from './render/attacks.ts';
import { renderTable } from './render/table.ts';

interface AttackOptions {
  readonly all?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** `wasm-broker attack`: the threats of SECURITY.md, tried out on this installation. */
export function attackCommand(program: Command): void {
  program
    .command('attack')
    .description('run attacks against the sandbox of this installation; nothing leaves the machine')
    .argument('[id...]', `attacks or threats: ${Object.keys(THREATS).join(', ')}`)
    .option('--all', 'every attack')
    .option('--list', 'list the attacks and run none')
    .option('--json', 'print one JSON object')
    .action(async (ids: readonly string[], options: AttackOptions) => {
      // Hundreds of modules in text and their builders: no other command has to load them.
      const { ATTACKS } = await import('../attack/attacks.ts');
      const attacks = chosen(ATTACKS, ids, options);
      if (options.list === true) {
        process.stdout.write(options.json === true ? listJson(attacks) : listText(attacks));
        return;
      }
      const { runAttacks } = await import('../attack/run-attacks.ts');
      const { readResidualRisks } = await import('../attack/residual-risks.ts');
      const verdicts = await runAttacks(attacks);
      const risks = await readResidualRisks();
      process.stdout.write((options.json === true ? verdictsAsJson : renderVerdicts)(verdicts, risks));
      process.exitCode = verdicts.every(({ faults }) => faults.length === 0) ? 0 : 1;
    });
}

function chosen(
  known: readonly Attack[],
  ids: readonly string[],
  { all, list }: AttackOptions,
): readonly Attack[] {
  if (all === true || (list === true && ids.length === 0)) return known;
  if (ids.length === 0)
    throw new BrokerError('ERR_USAGE', 'name attacks or threats, or give --all; --list lists them');
  const unknown = ids.find((id) => !known.some((attack) => attack.id === id || attack.threat === id));
  if (unknown !== undefined)
    throw new BrokerError('ERR_USAGE', `there is no attack "${unknown}"; --list lists them`);
  return known.filter(({ id, threat }) => ids.includes(id) || ids.includes(threat));
}

function listText(attacks: readonly Attack[]): string {
  const rows = attacks.map(({ id, threat, tries }) => [id, threat, tries]);
  return `${renderTable(['attack', 'threat', 'tries to'], rows)}\n`;
}

function listJson(attacks: readonly Attack[]): string {
  return `${JSON.stringify({ attacks: attacks.map(({ id, threat, tries, expect }) => ({ id, threat, tries, expected: expect })) })}\n`;
}
