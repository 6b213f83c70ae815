import type { PreparedModule } from '../artifact.ts';
import { encodeFrame } from './frames.ts';

/** The child's reply for a prepared module. */
export function encodePrepared({ facts, metered, image, offsets, component }: PreparedModule): Uint8Array {
  const code = [metered, bytesOf(offsets.metered), bytesOf(offsets.original)];
  const parts = [...code, ...(image === null ? [] : [image.bytes]), ...(component?.others ?? [])];
  return encodeFrame({ facts, image: image?.facts ?? null, component: component?.facts ?? null }, parts);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
