import type { TemplateStep } from '../tasker/template.ts';

/** What can be known about the steps before a step. The dependencies must be free of circles. */
export interface Upstream {
  /** Steps it depends on, directly or not. */
  of(step: string): ReadonlySet<string>;
  /** Those of them that exist whenever it does. A decision creates only some of the steps after it. */
  certainOf(step: string): ReadonlySet<string>;
}

export function createUpstream(steps: readonly TemplateStep[]): Upstream {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const dependenciesOf = (name: string) =>
    (byName.get(name)?.dependencies ?? []).filter((dependency) => byName.has(dependency));
  const of = lastRemembered((name: string) => reachable(name, dependenciesOf));
  if (!steps.some(({ type }) => type === 'decision')) return { of, certainOf: of };

  const dependentsOf = dependentsAmong(steps);
  const decisions = steps.filter(({ type }) => type === 'decision').map(({ name }) => name);
  const afterDecision = new Set(decisions.flatMap((name) => [...reachable(name, dependentsOf)]));
  const certain = new Map<string, ReadonlySet<string>>();
  const line = (name: string) => new Set([name, ...(certain.get(name) ?? [])]);
  for (const name of inOrder(steps, dependenciesOf)) {
    const dependencies = dependenciesOf(name);
    // Of the branches that a deferred step brings together at least one was taken: certain is what lies before them all.
    const isBranch = (dependency: string) =>
      byName.get(name)?.type === 'deferred_convergence' && afterDecision.has(dependency);
    const branches = dependencies.filter(isBranch).map(line);
    const rest = dependencies.filter((dependency) => !isBranch(dependency)).map(line);
    certain.set(name, union([...rest, intersection(branches)]));
  }
  return { of, certainOf: (step) => certain.get(step) ?? new Set() };
}

/** Everything that `next` leads to from `start`. Iterative: templates may have thousands of steps in a row. */
function reachable(start: string, next: (name: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...next(start)];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...next(name));
  }
  return found;
}

/** References are looked at step by step, so one set is enough; all of them would grow with the square of the steps. */
function lastRemembered<Value>(compute: (name: string) => Value): (name: string) => Value {
  let last: { readonly name: string; readonly value: Value } | null = null;
  return (name) => {
    if (last?.name !== name) last = { name, value: compute(name) };
    return last.value;
  };
}

function dependentsAmong(steps: readonly TemplateStep[]): (name: string) => readonly string[] {
  const dependents = new Map<string, string[]>();
  for (const { name, dependencies } of steps) {
    for (const dependency of dependencies) {
      const known = dependents.get(dependency);
      if (known === undefined) dependents.set(dependency, [name]);
      else known.push(name);
    }
  }
  return (name) => dependents.get(name) ?? [];
}

/** Steps after everything they depend on. */
function inOrder(
  steps: readonly TemplateStep[],
  dependenciesOf: (name: string) => readonly string[],
): readonly string[] {
  const done = new Set<string>();
  const open = steps.map(({ name }) => name).reverse();
  for (let name = open.at(-1); name !== undefined; name = open.at(-1)) {
    const before = dependenciesOf(name).filter((dependency) => !done.has(dependency));
    if (done.has(name) || before.length === 0) {
      open.pop();
      done.add(name);
    } else open.push(...before);
  }
  return [...done];
}

function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

function intersection(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first, ...rest] = sets;
  return new Set([...(first ?? [])].filter((name) => rest.every((set) => set.has(name))));
}
