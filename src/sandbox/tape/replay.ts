import type { Artifact } from '../../catalog/artifact.ts';
import { BrokerError } from '../../errors.ts';
import type { SecretSource } from '../../host/secrets/secret-source.ts';
import type { Outcome } from '../../model/outcome.ts';
import type { Tape } from '../../model/tape.ts';
import type { Sandbox } from '../sandbox.ts';
import { createPlayer, type Divergence, type Player } from './player.ts';

/** What came of a replay. */
export type Replayed =
  | { readonly verdict: 'equal' }
  | ({ readonly verdict: 'diverged' } & Divergence)
  /** Nothing can be said about it, and why. */
  | { readonly verdict: 'not_comparable'; readonly why: string };

/**
 * Runs a recorded invocation again, with the recorded answers in place of host calls, and compares calls, outcome, output
 * and fuel. `secrets` is asked only for what the guest itself had read.
 */
export async function replay(
  sandbox: Sandbox,
  artifact: Artifact,
  tape: Tape,
  secrets: SecretSource = NO_SECRETS,
): Promise<Replayed> {
  if (artifact.digest !== tape.digest) {
    throw new BrokerError(
      'ERR_TAPE_INVALID',
      `the tape is of the module ${tape.digest}, got ${artifact.digest}; replay it with the module it was recorded with`,
    );
  }
  const why = incomparable(artifact, tape);
  if (why !== null) return { verdict: 'not_comparable', why };
  const player = createPlayer(tape, secrets);
  const outcome = await sandbox.execute(artifact, {
    input: tape.input,
    config: tape.config,
    step: JSON.parse(tape.step),
    grants: tape.grants,
    limits: tape.limits,
    ...(tape.seed !== null && { seed: tape.seed }),
    ...(tape.time_ms !== null && { timeMs: tape.time_ms }),
    answers: player,
  });
  return compare(tape, player, outcome);
}

const NO_SECRETS: SecretSource = Object.freeze({ get: async () => null });

/** Why a run cannot be expected to be the same again; null if it can. */
function incomparable(
  { costTableHash }: Artifact,
  { cost_table_hash, masked, outcome }: Tape,
): string | null {
  if (costTableHash !== cost_table_hash) {
    return `it was metered with the cost table ${cost_table_hash}, this version has ${costTableHash}`;
  }
  if (masked) return 'the guest saw the value of a secret, which the tape does not have';
  if (outcome.code === 'ERR_SECRET_LEAK') return 'its result was withheld because of a secret';
  return endedByClock(outcome) ? `it ended from outside (${outcome.code}), not by itself` : null;
}

function endedByClock({ kind, limit }: Tape['outcome']): boolean {
  return kind === 'aborted' || limit === 'wall_ms';
}

function compare(tape: Tape, player: Player, outcome: Outcome): Replayed {
  const missing = player.missingSecret();
  if (missing !== null) {
    return { verdict: 'not_comparable', why: `it read the secret ${missing}, which is not here` };
  }
  const code = 'code' in outcome ? outcome.code : null;
  const limit = outcome.kind === 'exhausted' ? outcome.limit : null;
  if (endedByClock({ ...tape.outcome, kind: outcome.kind, limit })) {
    return { verdict: 'not_comparable', why: `the replay ended from outside (${code})` };
  }
  const { receipt } = outcome;
  const divergence =
    player.divergence() ??
    difference(
      'outcome',
      `${tape.outcome.kind} ${tape.outcome.code ?? ''}`,
      `${outcome.kind} ${code ?? ''}`,
    ) ??
    difference('output', String(tape.outcome.output_sha256), String(receipt.output_sha256)) ??
    difference('fuel', String(tape.outcome.fuel), String(receipt.fuel));
  return divergence === null ? { verdict: 'equal' } : { verdict: 'diverged', ...divergence };
}

function difference(at: string, expected: string, got: string): Divergence | null {
  return expected === got ? null : { at, expected: expected.trim(), got: got.trim() };
}
