import type { Command } from 'commander';
import type { Attack } from '../attack/attack.ts';
import { ATTACKS } from '../attack/attacks.ts';
import { readResidualRisks } from '../attack/residual-risks.ts';
import { runAttacks } from '../attack/run-attacks.ts';
import { BrokerError } from '../errors.ts';
import { renderVerdicts, THREAT_IDS, verdictsAsJson } from './render/attacks.ts';
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
    .argument('[id...]', `attacks or threats: ${THREAT_IDS.join(', ')}`)
    .option('--all', 'every attack')
    .option('--list', 'list the attacks and run none')
    .option('--json', 'print one JSON object')
    .action(async (ids: readonly string[], options: AttackOptions) => {
      const attacks = chosen(ids, options);
      if (options.list === true) {
        process.stdout.write(options.json === true ? listJson(attacks) : listText(attacks));
        return;
      }
      const verdicts = await runAttacks(attacks);
      const risks = await readResidualRisks();
      process.stdout.write((options.json === true ? verdictsAsJson : renderVerdicts)(verdicts, risks));
      process.exitCode = verdicts.every(({ faults }) => faults.length === 0) ? 0 : 1;
    });
}

function chosen(ids: readonly string[], { all, list }: AttackOptions): readonly Attack[] {
  if (all === true || (list === true && ids.length === 0)) return ATTACKS;
  if (ids.length === 0)
    throw new BrokerError('ERR_USAGE', 'name attacks or threats, or give --all; --list lists them');
  const unknown = ids.find((id) => !ATTACKS.some((attack) => attack.id === id || attack.threat === id));
  if (unknown !== undefined)
    throw new BrokerError('ERR_USAGE', `there is no attack "${unknown}"; --list lists them`);
  return ATTACKS.filter(({ id, threat }) => ids.includes(id) || ids.includes(threat));
}

function listText(attacks: readonly Attack[]): string {
  const rows = attacks.map(({ id, threat, tries }) => [id, threat, tries]);
  return `${renderTable(['attack', 'threat', 'tries to'], rows)}\n`;
}

function listJson(attacks: readonly Attack[]): string {
  return `${JSON.stringify({ attacks: attacks.map(({ id, threat, tries, expect }) => ({ id, threat, tries, expected: expect })) })}\n`;
}
