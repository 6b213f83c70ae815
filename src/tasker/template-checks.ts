import { checkNamespace } from './queues.ts';
import type { TaskTemplate, TemplateStep } from './template.ts';

/** Something wrong with a template, and the path of the value that has to change. */
export interface TemplateFault {
  /** `document`: not even a document; `shape`: a part is missing or of a wrong kind; `graph`: what the steps make together. */
  readonly kind: 'document' | 'shape' | 'graph';
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Everything that is wrong with the template as a whole, beyond the shape of its parts. */
export function checkTemplate(template: TaskTemplate): readonly TemplateFault[] {
  const { steps, namespace_name } = template;
  const faults: TemplateFault[] = [];
  const namespace = checkNamespace(namespace_name);
  if (namespace !== null)
    faults.push({ kind: 'shape', path: ['namespace_name'], message: namespace.message });
  if (steps.length === 0)
    faults.push({ kind: 'shape', path: ['steps'], message: 'expected at least one step, got none' });
  const firstIndex = new Map<string, number>();
  for (const [index, { name }] of steps.entries()) {
    if (!firstIndex.has(name)) firstIndex.set(name, index);
  }
  for (const [index, step] of steps.entries()) faults.push(...checkStep(step, index, firstIndex));
  const cycle = findCycle(steps);
  if (cycle.length > 0) {
    faults.push({
      kind: 'graph',
      path: ['steps', firstIndex.get(cycle[0] ?? '') ?? 0, 'dependencies'],
      message: `steps depend on each other in a circle: ${cycle.map(quote).join(' → ')}`,
    });
  }
  return faults;
}

function* checkStep(
  step: TemplateStep,
  index: number,
  firstIndex: ReadonlyMap<string, number>,
): Iterable<TemplateFault> {
  if (firstIndex.get(step.name) !== index) {
    yield {
      kind: 'shape',
      path: ['steps', index, 'name'],
      message: `expected step names to differ, got ${quote(step.name)} again`,
    };
  }
  if (step.type === 'decision' && step.dependencies.length === 0) {
    yield {
      kind: 'graph',
      path: ['steps', index],
      message: `decision step ${quote(step.name)} has no dependency; Tasker needs at least one`,
    };
  }
  for (const [at, dependency] of step.dependencies.entries()) {
    if (!firstIndex.has(dependency)) {
      yield {
        kind: 'graph',
        path: ['steps', index, 'dependencies', at],
        message: `step ${quote(step.name)} depends on ${quote(dependency)}, which is no step of this template`,
      };
    }
  }
}

/**
 * Names along one circle of dependencies, its first repeated at the end; empty when there is none. Kahn's algorithm:
 * steps are taken away once everything they depend on is; what cannot be taken away contains a circle.
 */
function findCycle(steps: readonly TemplateStep[]): readonly string[] {
  const open = new Map(steps.map((step) => [step.name, new Set<string>()]));
  const dependents = new Map<string, string[]>();
  for (const step of steps) {
    for (const dependency of step.dependencies) {
      if (!open.has(dependency)) continue;
      open.get(step.name)?.add(dependency);
      dependents.set(dependency, [...(dependents.get(dependency) ?? []), step.name]);
    }
  }
  const done = [...open].filter(([, dependencies]) => dependencies.size === 0).map(([name]) => name);
  for (const name of done) {
    open.delete(name);
    for (const dependent of dependents.get(name) ?? []) {
      const left = open.get(dependent);
      if (left?.delete(name) && left.size === 0) done.push(dependent);
    }
  }
  return followDependencies(open);
}

/** Every step left depends on another one left, so that following them comes round. */
function followDependencies(open: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const path: string[] = [];
  let [name] = open.keys();
  while (name !== undefined) {
    const start = path.indexOf(name);
    if (start >= 0) return [...path.slice(start), name];
    path.push(name);
    [name] = open.get(name) ?? [];
  }
  return [];
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 128));
}
