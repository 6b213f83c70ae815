import type { CapabilityName } from '../model/abi.ts';
import type { Manifest } from '../model/manifest.ts';

/** An admitted module: checked, metered, compiled. Immutable; valid for any number of invocations. */
export interface Artifact {
  /** `sha256:…` of the bytes as published, before rewriting. The artifact's identity. */
  readonly digest: string;
  readonly manifest: Manifest | null;
  /** The metered module. Its code is shared by every thread it is posted to. */
  readonly module: WebAssembly.Module;
  readonly publishedBytes: number;
  readonly meteredBytes: number;
  readonly costTableHash: string;
  /** Names of the reserved exports that metering added. */
  readonly fuelExport: string;
  readonly depthExport: string;
  /** Absent where the module never grows its memory. */
  readonly deniedGrowExport: string | null;
  /** Present when the module had a start function: it runs under fuel before every entry. */
  readonly startExport: string | null;
  /** Limits of the memory import in the metered module. */
  readonly memoryMinPages: number;
  readonly memoryMaxPages: number;
  /** What the module imports, as capabilities: without these grants it is not run. */
  readonly capabilities: readonly CapabilityName[];
  /** True when it imports a call that leaves the sandbox, so that its stack must be suspendable. */
  readonly suspends: boolean;
}
