import type { Offsets } from '../metering/index.ts';
import type { Abi, CapabilityName } from '../model/abi.ts';
import type { Manifest } from '../model/manifest.ts';

/** What admission found out about a module: plain data, so that it can come from another process. */
export interface ModuleFacts {
  /** `sha256:…` of the bytes as published, before rewriting. The artifact's identity. */
  readonly digest: string;
  /** What it is by its shape. */
  readonly abi: Abi;
  readonly publishedBytes: number;
  readonly meteredBytes: number;
  readonly costTableHash: string;
  /** Fuel that every invocation starts without: for the pages, table elements and segments that it starts with. */
  readonly initialFuel: number;
  /** Call depth that every invocation starts without: for the small call trees that metering does not count. */
  readonly uncountedBytes: number;
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

/**
 * How far the state before the first entry was prepared at admission: memory and globals after the start function. An
 * invocation whose limits are below what the start function was given runs the plain module instead.
 */
export interface ImageFacts {
  /** Exported function that puts memory and globals back to this state; to be called before the first entry too. */
  readonly restoreExport: string;
  /** How far the code lies behind that of the plain module: for stack frames. */
  readonly codeShift: number;
  /** What the start function used; charged to every invocation as if it had run. */
  readonly startFuel: number;
  /** The call depth it was given. */
  readonly depthBytes: number;
  /** Pages of memory it left. */
  readonly memoryMinPages: number;
}

/** A core module of a component. */
export interface CoreFacts {
  /** What the glue calls it. */
  readonly name: string;
  /** Limits of its memory import; null where it has no memory of its own. */
  readonly memoryMinPages: number | null;
  readonly memoryMaxPages: number;
  /** Its start function, to be called once it is instantiated. */
  readonly startExport: string | null;
}

/** What makes one guest of the core modules of a component. */
export interface ComponentFacts {
  /** JavaScript that jco wrote, as the body of a function that returns `instantiate`. */
  readonly glue: string;
  readonly cores: readonly CoreFacts[];
  /** Interfaces of the host that it imports. */
  readonly interfaces: readonly string[];
}

/** An admitted module before the broker compiled it. */
export interface PreparedModule {
  readonly facts: ModuleFacts;
  /** The metered module; of a component its first core module. */
  readonly metered: Uint8Array<ArrayBuffer>;
  /** The same with its image built in, where the module allows it. */
  readonly image: { readonly facts: ImageFacts; readonly bytes: Uint8Array<ArrayBuffer> } | null;
  readonly component: {
    readonly facts: ComponentFacts;
    /** The metered core modules behind the first. */
    readonly others: readonly Uint8Array<ArrayBuffer>[];
  } | null;
  /** Where the metered module's code is in the published one; empty for a component. */
  readonly offsets: Offsets;
}

/** The source map beside a module, as it was when the module was loaded. */
export interface SourceMapFile {
  readonly path: string;
  readonly sha256: string;
}

/** How a place in a metered module is found in the published one, and in its sources. */
export interface CodePlaces {
  readonly offsets: Offsets;
  readonly sourceMap: SourceMapFile | null;
}

/** An admitted module: checked, metered, compiled. Immutable; valid for any number of invocations. */
export interface Artifact extends ModuleFacts {
  readonly manifest: Manifest | null;
  /** The metered module, of a component its first core. Its code is shared by every thread it is posted to. */
  readonly module: WebAssembly.Module;
  readonly image: (ImageFacts & { readonly module: WebAssembly.Module }) | null;
  readonly component: (ComponentFacts & { readonly others: readonly WebAssembly.Module[] }) | null;
  readonly places: CodePlaces;
  /** What was compiled, for a process that has to compile for itself. */
  readonly bytes: {
    readonly metered: Uint8Array<ArrayBuffer>;
    readonly image: Uint8Array<ArrayBuffer> | null;
    readonly others: readonly Uint8Array<ArrayBuffer>[];
  };
}
