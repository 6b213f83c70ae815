import type { Limits } from '../model/limits.ts';
import type { Manifest } from '../model/manifest.ts';
import { compileModule } from './admission/compile-module.ts';
import { prepareModule } from './admission/prepare.ts';
import type { Artifact, PreparedModule } from './artifact.ts';

/**
 * The admission pipeline of core modules in this process, for those whose author is trusted. Throws a `BrokerError` with the code of
 * the first refusal.
 */
export function admitArtifact(bytes: Uint8Array, manifest: Manifest | null, limits: Limits): Artifact {
  return compileArtifact(prepareModule(bytes, limits), manifest);
}

/** Compiles what admission prepared. The bytes are ours by then: a rewritten module that an engine has accepted. */
export function compileArtifact(
  { facts, metered, image, offsets, component }: PreparedModule,
  manifest: Manifest | null,
): Artifact {
  const compiledImage =
    image === null ? null : Object.freeze({ ...image.facts, module: compileModule(image.bytes) });
  const others = component?.others ?? [];
  const parts =
    component === null
      ? null
      : Object.freeze({ ...component.facts, others: Object.freeze(others.map(compileModule)) });
  const places = Object.freeze({ offsets, sourceMap: null });
  return Object.freeze({
    ...facts,
    manifest,
    module: compileModule(metered),
    image: compiledImage,
    component: parts,
    places,
    bytes: Object.freeze({ metered, image: image?.bytes ?? null, others }),
  });
}
