import { lintPolicy } from '../../broker/lint-policy.ts';
import { policyFor } from '../../broker/policy.ts';
import type { CatalogEntry } from '../../catalog/catalog.ts';
import type { Config } from '../../config.ts';
import { effectiveGrants } from '../../model/attenuate.ts';
import { type Grant, grantsOf } from '../../model/grant.ts';
import { ANY } from '../../model/grant-scope.ts';
import type { DoctorLine } from './line.ts';

/** Grants that no handler asks for or that give more than they should, and capabilities that nothing grants. */
export function examineGrants(config: Config, entries: readonly CatalogEntry[]): readonly DoctorLine[] {
  return [...unusedGrants(config, entries), ...wideGrants(config), ...missingGrants(config, entries)];
}

function wideGrants({ grants }: Config): readonly DoctorLine[] {
  return lintPolicy(grants).map(({ handler, capability, message }) => ({
    area: 'grants',
    subject: `[[grants.${handler}]], ${capability}`,
    status: 'warning',
    detail: message,
  }));
}

/** A grant that gives nothing is either a mistake or a door that was left open. */
function unusedGrants({ grants }: Config, entries: readonly CatalogEntry[]): readonly DoctorLine[] {
  return Object.entries(grants).flatMap(([handler, list]) => {
    const meant = entries.filter(({ name }) => handler === ANY || name === handler);
    return list.flatMap((grant, index): DoctorLine[] => {
      if (meant.some((entry) => requests(entry, grant))) return [];
      const why = meant.length === 0 ? 'there is no such handler' : 'no handler requests anything it covers';
      const subject = `[[grants.${handler}]] ${index + 1}, ${grant.capability}`;
      return [{ area: 'grants', subject, status: 'warning', detail: `${why}; remove it` }];
    });
  });
}

function requests({ artifact }: CatalogEntry, grant: Grant): boolean {
  return effectiveGrants(artifact.manifest?.capabilities ?? [], [grant]).length > 0;
}

function missingGrants(config: Config, entries: readonly CatalogEntry[]): readonly DoctorLine[] {
  return entries.flatMap(({ name, version, artifact }) => {
    const requested = artifact.manifest?.capabilities ?? [];
    const granted = effectiveGrants(requested, policyFor(config, name));
    const missing = [...new Set(requested.map(({ capability }) => capability))].filter(
      (capability) => grantsOf(granted, capability).length === 0,
    );
    return missing.map((capability): DoctorLine => {
      const needed = artifact.capabilities.includes(capability);
      const detail = needed
        ? 'not granted: its steps are refused with ERR_GRANT_MISSING'
        : 'requested and not granted: it goes without';
      return {
        area: 'grants',
        subject: `${name}@${version}, ${capability}`,
        status: needed ? 'warning' : 'ok',
        detail,
      };
    });
  });
}
