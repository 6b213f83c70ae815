import { type LocatedTemplate, locateTemplate } from '../tasker/located-template.ts';
import { FINDINGS, type Finding, type LocatedFinding } from './finding.ts';
import { checkConfigurations } from './rules/configurations.ts';
import { checkGrants } from './rules/grants.ts';
import { checkHandlers } from './rules/handlers.ts';
import { checkNamespaceOfBroker } from './rules/namespace.ts';
import { checkNarrowing } from './rules/narrowing.ts';
import { checkReferences } from './rules/references.ts';
import { checkResultSchemas } from './rules/result-schemas.ts';
import { checkTimeouts } from './rules/timeouts.ts';
import type { Rule, Surroundings } from './subject.ts';

/** What is asked of every template that could be read. A new question is a file in rules/ and its line here. */
const RULES: readonly Rule[] = [
  checkNamespaceOfBroker,
  checkHandlers,
  checkConfigurations,
  checkNarrowing,
  checkGrants,
  checkReferences,
  checkTimeouts,
  checkResultSchemas,
];

/** A checked template: what it calls itself, and everything that was found, in the order of the text. */
export interface TemplateReport {
  /** `namespace/name version`; null where that could not be read. */
  readonly name: string | null;
  readonly findings: readonly LocatedFinding[];
}

/** Checks the text of one template before anything of it exists. Runs nothing and changes nothing. */
export function checkTemplateText(text: string, surroundings: Surroundings): TemplateReport {
  const located = locateTemplate(text);
  const { template } = located;
  if (template === null) return { name: null, findings: placed(faultFindings(located), located) };
  const steps = template.steps.map((step, index) => {
    const found = surroundings.catalog.find(step.handler.callable);
    return { step, index, entry: found.allowed ? found.entry : null };
  });
  const subject = { ...surroundings, template, steps };
  const broken = faultFindings(located);
  // In a graph that is broken nothing can be said about what comes before what.
  const rules = broken.length === 0 ? RULES : RULES.filter((rule) => rule !== checkReferences);
  const findings = [...broken, ...rules.flatMap((rule) => rule(subject))];
  const name = `${template.namespace_name}/${template.name} ${template.version}`;
  return { name, findings: placed(findings, located) };
}

function faultFindings({ faults }: LocatedTemplate): readonly Finding[] {
  return faults.map(({ kind, path, message }) => ({
    code: kind === 'graph' ? 'graph-invalid' : 'template-invalid',
    path,
    message: kind === 'shape' && path.length > 0 ? `${path.join('.')}: ${message}` : message,
    cure: kind === 'graph' ? 'correct the dependencies' : "see Tasker's format of templates",
  }));
}

function placed(findings: readonly Finding[], { locate }: LocatedTemplate): readonly LocatedFinding[] {
  return findings
    .map(({ path, ...finding }) => ({
      ...finding,
      severity: FINDINGS[finding.code],
      position: locate(path),
    }))
    .sort((a, b) => lineOf(a) - lineOf(b));
}

function lineOf({ position }: LocatedFinding): number {
  return position === null ? 0 : position.line * 10_000 + position.column;
}
