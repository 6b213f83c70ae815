import type { ResidualRisks } from '../../attack/residual-risks.ts';
import type { Verdict } from '../../attack/run-attack.ts';
import { THREATS, type ThreatId } from '../../attack/threats.ts';
import { renderTable } from './table.ts';

const THREAT_IDS = Object.keys(THREATS) as readonly ThreatId[];

/** A table for each threat, what failed and why, and what no attack can show. */
export function renderVerdicts(verdicts: readonly Verdict[], risks: readonly ResidualRisks[]): string {
  const tables = THREAT_IDS.flatMap((threat) => {
    const own = verdicts.filter(({ attack }) => attack.threat === threat);
    if (own.length === 0) return [];
    const title = `${threat}: ${THREATS[threat]} (${passedOf(own)} of ${own.length})`;
    return [`${title}\n${renderTable(['', 'attack', 'tries to', 'held off by'], own.map(rowOf))}`];
  });
  const faults = verdicts.flatMap(({ attack, faults: own }) => own.map((fault) => `${attack.id}: ${fault}`));
  const failed = faults.length === 0 ? [] : [`FAILED\n${faults.join('\n')}`];
  const summary = `${passedOf(verdicts)} of ${verdicts.length} attacks held off`;
  return `${[...tables, ...failed, summary, renderRisks(risks)].join('\n\n')}\n`;
}

const passedOf = (verdicts: readonly Verdict[]) =>
  verdicts.filter(({ faults }) => faults.length === 0).length;

function rowOf({ attack, faults }: Verdict): readonly string[] {
  return [faults.length === 0 ? 'ok' : 'FAILED', attack.id, attack.tries, answerOf(attack.expect)];
}

/** The code that an operator finds in counters and events. */
function answerOf({ code, metric, outcome }: Verdict['attack']['expect']): string {
  return code ?? (metric?.match(/code="(ERR_[A-Z_]+)"/)?.[1] || outcome);
}

function renderRisks(risks: readonly ResidualRisks[]): string {
  const parts = risks.map(({ where, risks: own }) =>
    [`${where}:`, ...own.map((risk) => `- ${risk}`)].join('\n'),
  );
  return ['What remains (SECURITY.md)', ...parts].join('\n\n');
}

/** The same as one JSON object. */
export function verdictsAsJson(verdicts: readonly Verdict[], risks: readonly ResidualRisks[]): string {
  const results = verdicts.map(({ attack, observed, faults, tookMs }) => {
    const { outcome, code, events, counters, dialled } = observed;
    return {
      id: attack.id,
      threat: attack.threat,
      tries: attack.tries,
      passed: faults.length === 0,
      expected: attack.expect,
      observed: { outcome, code, events: [...new Set(events)], counters, dialled },
      faults,
      took_ms: tookMs,
    };
  });
  const passed = passedOf(verdicts);
  return `${JSON.stringify({ attacks: verdicts.length, passed, failed: verdicts.length - passed, results, residual_risks: risks })}\n`;
}
