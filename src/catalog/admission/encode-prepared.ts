import type { PreparedModule } from '../artifact.ts';
import { encodeFrame } from './frames.ts';

/** The child's reply for a prepared module. */
export function encodePrepared({ facts, metered, image, component }: PreparedModule): Uint8Array {
  const parts = [metered, ...(image === null ? [] : [image.bytes]), ...(component?.others ?? [])];
  return encodeFrame({ facts, image: image?.facts ?? null, component: component?.facts ?? null }, parts);
}
