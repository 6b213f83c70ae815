import { createHash } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Manifest } from '../model/manifest.ts';
import { compileArtifact } from './admit.ts';
import type { Artifact, PreparedModule } from './artifact.ts';

/** Bytes of the metered modules that are kept, with what belongs to them; compiled code is a few times as large. */
const BYTES_MAX = 128 * 1024 * 1024;

/**
 * Compiles each module once, however often and under how many manifests it is admitted. Bounded by bytes: the one used
 * longest ago goes. Who still uses a dropped one keeps it: artifacts are immutable and nothing in them is taken back.
 */
export class ArtifactCache {
  readonly #prepare: (bytes: Uint8Array) => Promise<PreparedModule>;
  readonly #byDigest = new Map<string, Promise<Artifact>>();
  readonly #bytes = new Map<string, number>();
  #total = 0;

  constructor(prepare: (bytes: Uint8Array) => Promise<PreparedModule>) {
    this.#prepare = prepare;
  }

  /** The artifact of these bytes. Rejects with the refusal, which is not kept. */
  async admit(bytes: Uint8Array, manifest: Manifest | null): Promise<Artifact> {
    // untrusted: from here on it is this copy that is hashed, prepared and run
    const own = new Uint8Array(bytes);
    const digest = `sha256:${createHash('sha256').update(own).digest('hex')}`;
    const known = this.#byDigest.get(digest) ?? this.#compile(digest, own);
    this.#byDigest.delete(digest);
    this.#byDigest.set(digest, known);
    const artifact = await known;
    if (manifest !== null && manifest.abi !== artifact.abi) {
      const message = `${manifest.name}: the manifest says abi ${manifest.abi}, the module is ${artifact.abi}`;
      throw new BrokerError('ERR_MANIFEST_INVALID', message);
    }
    return manifest === null ? artifact : Object.freeze({ ...artifact, manifest });
  }

  async #compile(digest: string, bytes: Uint8Array): Promise<Artifact> {
    try {
      const prepared = await this.#prepare(bytes);
      const { metered, image, offsets, component } = prepared;
      const meteredBytes = [metered, ...(component?.others ?? [])].reduce(
        (sum, part) => sum + part.byteLength,
        0,
      );
      const facts = { ...prepared.facts, digest, publishedBytes: bytes.byteLength, meteredBytes };
      const artifact = compileArtifact({ ...prepared, facts }, null);
      const offsetBytes = offsets.metered.byteLength + offsets.original.byteLength;
      this.#keep(digest, meteredBytes + (image?.bytes.byteLength ?? 0) + offsetBytes);
      return artifact;
    } catch (error) {
      this.#byDigest.delete(digest);
      throw error;
    }
  }

  #keep(digest: string, bytes: number): void {
    this.#bytes.set(digest, bytes);
    this.#total += bytes;
    for (const [oldest] of this.#byDigest) {
      if (this.#total <= BYTES_MAX) return;
      if (!this.#bytes.has(oldest)) continue;
      this.#total -= this.#bytes.get(oldest) ?? 0;
      this.#bytes.delete(oldest);
      this.#byDigest.delete(oldest);
    }
  }
}
