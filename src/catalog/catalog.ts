import { BrokerError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import type { Artifact } from './artifact.ts';
import { parseCallable } from './callable.ts';
import type { ConfigCheck } from './config-schema.ts';
import type { AnySchemaCheck } from './json-schema.ts';
import { createResultSchemas } from './result-schema.ts';

/** One version of a handler that can be run: manifest, admitted module, and the check of its configuration. */
export interface CatalogEntry {
  readonly name: string;
  readonly version: string;
  readonly artifact: Artifact;
  readonly checkConfig: ConfigCheck;
  /** The JSON Schema behind `checkConfig`. */
  readonly configSchema: JsonObject;
  /** Null where the manifest names no schema of its output. */
  readonly checkOutput: AnySchemaCheck | null;
}

/** Which handlers exist. Immutable. */
export interface Catalog {
  readonly entries: readonly CatalogEntry[];
  /** The entry that `handler.callable` means: the newest version unless it names a version or a digest. */
  find(callable: string): Verdict<{ readonly entry: CatalogEntry }>;
  /** The check of a template step's `result_schema`; compiled once. Refused: ERR_TEMPLATE_INVALID. */
  resultSchema(schema: JsonValue): Verdict<{ readonly check: AnySchemaCheck }>;
}

/** A catalog of these entries; name and version must be unique. */
export function createCatalog(entries: readonly CatalogEntry[]): Catalog {
  const byVersion = new Map<string, CatalogEntry>();
  for (const entry of entries) {
    const key = `${entry.name}@${entry.version}`;
    if (byVersion.has(key))
      throw new BrokerError('ERR_CATALOG_INVALID', `${key} exists twice in the catalog`);
    byVersion.set(key, entry);
  }
  const sorted = Object.freeze([...byVersion.values()].sort(byNameThenNewest));
  return Object.freeze({
    entries: sorted,
    find: (callable: string) => find(sorted, callable),
    resultSchema: createResultSchemas(),
  });
}

function find(entries: readonly CatalogEntry[], text: string): Verdict<{ readonly entry: CatalogEntry }> {
  const parsed = parseCallable(text);
  if (!parsed.allowed) return parsed;
  const { name, version, digest } = parsed.callable;
  const named = entries.filter((entry) => entry.name === name);
  const entry = named.find(
    (candidate) =>
      (version === null || candidate.version === version) &&
      (digest === null || candidate.artifact.digest === digest),
  );
  if (entry !== undefined) return { allowed: true, entry };
  const served =
    named.length > 0
      ? `versions of ${name}: ${named.map((candidate) => candidate.version).join(', ')}`
      : `handlers: ${[...new Set(entries.map((candidate) => candidate.name))].join(', ') || 'none'}`;
  return refuse('ERR_HANDLER_UNKNOWN', `no handler "${text}" in the catalog; ${served}`);
}

function byNameThenNewest(a: CatalogEntry, b: CatalogEntry): number {
  return a.name.localeCompare(b.name) || compareVersions(b.version, a.version);
}

/** Semantic version order; a pre-release comes before its release. */
export function compareVersions(a: string, b: string): number {
  const [coreA = '', preA] = splitVersion(a);
  const [coreB = '', preB] = splitVersion(b);
  const core = coreA.localeCompare(coreB, 'en', { numeric: true });
  if (core !== 0 || preA === preB) return core;
  if (preA === undefined) return 1;
  if (preB === undefined) return -1;
  return preA.localeCompare(preB, 'en', { numeric: true });
}

function splitVersion(version: string): [string, string | undefined] {
  const at = version.indexOf('-');
  return at < 0 ? [version, undefined] : [version.slice(0, at), version.slice(at + 1)];
}
