import { NARROWING_KEY, Narrowing } from '../../broker/admission.ts';
import { policyFor } from '../../broker/policy.ts';
import type { Config } from '../../config.ts';
import { effectiveGrants, explainMissing } from '../../model/attenuate.ts';
import { type Grants, grantsOf } from '../../model/grant.ts';
import { ANY } from '../../model/grant-scope.ts';
import { referencedSecrets } from '../../model/references.ts';
import { missingGrant } from '../../sandbox/missing-grant.ts';
import type { Finding } from '../finding.ts';
import { type CheckedStep, inConfig, quote, type Rule } from '../subject.ts';

/** Every capability that a step's module needs is granted, and so is every secret that its configuration names. */
export const checkGrants: Rule = ({ steps, config }) =>
  config === null ? [] : steps.flatMap((checked) => grantFaults(checked, config));

function grantFaults({ step, index, entry }: CheckedStep, config: Config): readonly Finding[] {
  if (entry === null) return [];
  const narrowing = Narrowing.safeParse(step.handler.initialization[NARROWING_KEY] ?? {});
  const grants = effectiveGrants(
    entry.artifact.manifest?.capabilities ?? [],
    policyFor(config, entry.name),
    narrowing.success ? narrowing.data.grants : undefined,
  );
  const missing = missingGrant(entry.artifact, grants, entry.name);
  const path = ['steps', index, 'handler', 'callable'];
  const [message = '', ...lines] = missing?.message.split('\n') ?? [];
  const capability: readonly Finding[] =
    missing === null
      ? []
      : [
          {
            code: 'grant-missing',
            path,
            message: message.split(';')[0] ?? '',
            cure: `add to broker.toml, if it shall be allowed:\n${lines.join('\n')}`,
          },
        ];
  return [...capability, ...secretFaults(step.handler.initialization, index, entry.name, grants, config)];
}

function secretFaults(
  initialization: CheckedStep['step']['handler']['initialization'],
  index: number,
  handler: string,
  grants: Grants,
  config: Config,
): readonly Finding[] {
  const granted = grantsOf(grants, 'secret').flatMap(({ names }) => names);
  return referencedSecrets(initialization).flatMap((name): Finding[] => {
    const path = inConfig(index);
    const found: Finding[] = [];
    if (!Object.hasOwn(config.secrets, name)) {
      const cure = `add [secrets.${name}] with env or file to broker.toml`;
      found.push({ code: 'secret-missing', path, message: `there is no secret ${quote(name)}`, cure });
    }
    if (!granted.includes(name) && !granted.includes(ANY)) {
      const lines = explainMissing(handler, 'secret', { names: [name], hosts: ['api.example.com'] });
      const cure = `add to broker.toml, if it shall be allowed, with the hosts it may be sent to:\n${lines}`;
      found.push({
        code: 'grant-missing',
        path,
        message: `${handler} may not use the secret ${quote(name)}`,
        cure,
      });
    }
    return found;
  });
}
