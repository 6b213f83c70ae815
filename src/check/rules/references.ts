import { NARROWING_KEY } from '../../broker/admission.ts';
import { isJsonObject, type JsonValue } from '../../model/json.ts';
import { nameSome } from '../../model/reference-lookup.ts';
import { parseTemplate, type Reference } from '../../model/reference-syntax.ts';
import type { Finding } from '../finding.ts';
import { type CheckedStep, inConfig, quote, type Rule, type Subject } from '../subject.ts';
import { createUpstream, type Upstream } from '../upstream.ts';

/** Every `${…}` is well-formed and leads to a step upstream; noted where that step may not exist in a task. */
export const checkReferences: Rule = (subject) => {
  const upstream = createUpstream(subject.template.steps);
  return subject.steps.flatMap((checked) =>
    [...strings(resolvedPart(checked), [])].flatMap(({ text, path }) =>
      stringFaults(text, inConfig(checked.index, path), checked, subject, upstream),
    ),
  );
};

function stringFaults(
  text: string,
  path: Finding['path'],
  checked: CheckedStep,
  subject: Subject,
  upstream: Upstream,
): readonly Finding[] {
  const template = parseTemplate(text);
  if (!template.ok) {
    const message = `expected ${template.expected} at character ${template.at} of ${quote(text)}`;
    return [{ code: 'reference-malformed', path, message, cure: 'write $${ for a literal ${' }];
  }
  const names = new Set(template.parts.flatMap((part) => (isStep(part) ? [part.step] : [])));
  return [...names].flatMap((name) => stepFaults(name, path, checked, subject, upstream));
}

function isStep(part: string | Reference): part is Extract<Reference, { root: 'step' }> {
  return typeof part === 'object' && part.root === 'step';
}

function stepFaults(
  name: string,
  path: Finding['path'],
  { step }: CheckedStep,
  { template }: Subject,
  upstream: Upstream,
): readonly Finding[] {
  const target = template.steps.find((candidate) => candidate.name === name);
  const before = upstream.of(step.name);
  if (target === undefined) {
    const message = `there is no step ${quote(name)} in this template`;
    return [{ code: 'reference-unknown', path, message, cure: `refer to one of: ${nameSome([...before])}` }];
  }
  if (!before.has(name)) {
    const message = `step ${quote(step.name)} does not depend on ${quote(name)}, so it has not its result`;
    const cure = `add ${quote(name)} to the dependencies of ${quote(step.name)}`;
    return [{ code: 'reference-not-upstream', path, message, cure }];
  }
  if (target.type === 'batch_worker') {
    const message = `${quote(name)} is a batch worker: its results stand under the names of its instances, not under this one`;
    const cure = 'refer to the step that brings the batches together';
    return [{ code: 'reference-batch-worker', path, message, cure }];
  }
  if (upstream.certainOf(step.name).has(name)) return [];
  const message = `${quote(name)} is on a branch that a decision may leave out; then this reference resolves to nothing and the step fails`;
  const cure = 'refer to a step before the decision, or use what every branch has';
  return [{ code: 'reference-may-be-absent', path, message, cure }];
}

/** `$broker` is read as it is written. */
function resolvedPart({ step }: CheckedStep): JsonValue {
  const { [NARROWING_KEY]: _narrowing, ...resolved } = step.handler.initialization;
  return resolved;
}

/** Every string of a configuration and where it stands. Keys are not looked into. */
function* strings(
  value: JsonValue,
  path: readonly (string | number)[],
): Iterable<{ readonly text: string; readonly path: readonly (string | number)[] }> {
  if (typeof value === 'string') yield { text: value, path };
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* strings(item, [...path, index]);
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) yield* strings(item, [...path, key]);
  }
}
