import { NARROWING_KEY, Narrowing } from '../../broker/admission.ts';
import type { LimitName } from '../../model/limits.ts';
import type { Finding } from '../finding.ts';
import { type CheckedStep, inConfig, type Rule, type Subject } from '../subject.ts';

/** Every `$broker` block is well-formed, and says nothing that has no effect. */
export const checkNarrowing: Rule = (subject) =>
  subject.steps.flatMap((checked) => {
    const given = checked.step.handler.initialization[NARROWING_KEY];
    return given === undefined ? [] : narrowingFaults(given, checked, subject);
  });

function narrowingFaults(
  given: unknown,
  { index, entry }: CheckedStep,
  { config }: Subject,
): readonly Finding[] {
  const narrowing = Narrowing.safeParse(given);
  if (!narrowing.success) {
    return narrowing.error.issues.map(({ path, message }) => ({
      code: 'narrowing-invalid',
      path: inConfig(index, [NARROWING_KEY, ...(path as (string | number)[])]),
      message: `$broker${path.map((part) => `.${String(part)}`).join('')}: ${message}`,
      cure: '$broker has grants and limits, written as in broker.toml (docs/configuration.md)',
    }));
  }
  const ceilings = { ...config?.limits, ...definedOf(entry?.artifact.manifest?.limits ?? {}) };
  return Object.entries(narrowing.data.limits ?? {}).flatMap(([name, value]): Finding[] => {
    const ceiling = ceilings[name as LimitName];
    if (value === undefined || ceiling === undefined || value <= ceiling) return [];
    return [
      {
        code: 'narrowing-void',
        path: inConfig(index, [NARROWING_KEY, 'limits', name]),
        message: `$broker.limits.${name} is ${value}, but ${ceiling} applies already; a step can only narrow`,
        cure: `leave it out, or raise limits.${name} in broker.toml or in the handler's manifest`,
      },
    ];
  });
}

function definedOf(limits: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(limits).filter((limit): limit is [string, number] => limit[1] !== undefined),
  );
}
