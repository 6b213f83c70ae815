import type { Catalog, CatalogEntry } from '../catalog/catalog.ts';
import type { Config } from '../config.ts';
import type { TaskTemplate, TemplateStep } from '../tasker/template.ts';
import type { Finding } from './finding.ts';

/** What a template is checked against. */
export interface Surroundings {
  readonly catalog: Catalog;
  /** The broker that is to run it; null: what depends on one (namespace, grants, secrets, limits) is left out. */
  readonly config: Config | null;
}

/** One step with what it means here. */
export interface CheckedStep {
  readonly step: TemplateStep;
  readonly index: number;
  /** Null where the catalog has no such handler. */
  readonly entry: CatalogEntry | null;
}

export interface Subject extends Surroundings {
  readonly template: TaskTemplate;
  readonly steps: readonly CheckedStep[];
}

/** Looks at one thing, and says everything that is wrong with it. */
export type Rule = (subject: Subject) => readonly Finding[];

/** The path of a value in a step's `handler.initialization`. */
export function inConfig(
  index: number,
  path: readonly (string | number)[] = [],
): readonly (string | number)[] {
  return ['steps', index, 'handler', 'initialization', ...path];
}

export function quote(name: string): string {
  return JSON.stringify(name.slice(0, 128));
}
