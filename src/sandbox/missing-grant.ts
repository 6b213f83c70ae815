import type { Artifact } from '../catalog/artifact.ts';
import { explainMissing } from '../model/attenuate.ts';
import { type Grants, grantsOf } from '../model/grant.ts';
import { type Refusal, refuse } from '../model/verdict.ts';

/** The first capability that a module imports and no grant gives, as a refusal with the lines that would grant it. */
export function missingGrant(artifact: Artifact, grants: Grants, handler: string): Refusal | null {
  for (const capability of artifact.capabilities) {
    if (grantsOf(grants, capability).length > 0) continue;
    return refuse(
      'ERR_GRANT_MISSING',
      `${handler} needs the capability "${capability}"; to grant it, add to broker.toml:\n${explainMissing(handler, capability)}`,
      { capability },
    );
  }
  return null;
}
