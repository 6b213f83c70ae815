/**
 * Runs in the admission child: jco, from its files. Its parts are WebAssembly themselves, and are given a WASI of the
 * browser's kind, which has no files, no environment and no network.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { BrokerError } from '../../../errors.ts';

/** Where the child finds what it may read of jco. */
export interface TranspilerFolders {
  readonly jco: string;
  readonly wasi: string;
}

export interface Transpiler {
  /** The component's world as WIT. Throws for what is no component. */
  readonly printWorld: (component: Uint8Array) => string;
  readonly transpile: (component: Uint8Array) => Transpiled;
}

export interface Transpiled {
  /** An ES module that exports `instantiate(getCoreModule, imports, instantiateCore)`. */
  readonly glue: string;
  readonly cores: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

type Bindgen = typeof import('@bytecodealliance/jco-transpile/component') & { readonly $init: Promise<void> };
interface WasmTools {
  readonly $init: Promise<void>;
  readonly tools: { componentWit(component: Uint8Array): string };
}

const WASI = /^@bytecodealliance\/preview2-shim\/([a-z]+)$/;
const GLUE_FILE = 'component.js';

/** Functions that leave the sandbox: the guest is suspended meanwhile (JSPI). */
const SUSPENDING = ['http#request', 'secrets#read', 'cache#get', 'cache#put'].flatMap((name) => [
  `tasker:catalog/${name}`,
  `tasker:catalog/${name.replace('#', '@0.1.0#')}`,
]);

let loading: Promise<Transpiler> | null = null;

/** jco, loaded on first use. Rejects with ERR_MISSING_DEPENDENCY where it is not installed. */
export function loadTranspiler(folders: TranspilerFolders | null): Promise<Transpiler> {
  if (folders === null) {
    const message =
      'components need @bytecodealliance/jco-transpile, an optional dependency that is not installed; run: npm install --include=optional';
    return Promise.reject(new BrokerError('ERR_MISSING_DEPENDENCY', message));
  }
  loading ??= load(folders);
  return loading;
}

async function load({ jco, wasi }: TranspilerFolders): Promise<Transpiler> {
  registerHooks({
    resolve: (specifier, context, next) => {
      const part = WASI.exec(specifier)?.[1];
      if (part === undefined) return next(specifier, context);
      return { url: pathToFileURL(`${wasi}/dist/browser/${part}.js`).href, shortCircuit: true };
    },
  });
  const part = (name: string) => import(pathToFileURL(`${jco}/vendor/${name}.js`).href);
  const bindgen = (await part('js-component-bindgen-component')) as Bindgen;
  const wasmTools = (await part('wasm-tools')) as WasmTools;
  await Promise.all([bindgen.$init, wasmTools.$init]);
  return {
    printWorld: (component) => wasmTools.tools.componentWit(component),
    transpile: (component) => transpile(bindgen, component),
  };
}

function transpile(bindgen: Bindgen, component: Uint8Array): Transpiled {
  const { files } = bindgen.generate(component, {
    name: 'component',
    map: [],
    // With it every core module stays a file: without, small ones become text of the glue and escape the rewriter.
    instantiation: { tag: 'sync' },
    asyncMode: { tag: 'jspi', val: { imports: SUSPENDING, exports: ['handle'] } },
    base64Cutoff: 0,
    noNodejsCompat: true,
    noTypescript: true,
    noNamespacedExports: true,
    // It would take discriminants of variants on trust.
    validLiftingOptimization: false,
    noComponentErrorWrapping: false,
  });
  const glue = files.find(([name]) => name === GLUE_FILE)?.[1];
  if (glue === undefined) throw new BrokerError('ERR_INTERNAL', `jco wrote no ${GLUE_FILE}`);
  return {
    glue: new TextDecoder().decode(glue),
    cores: files
      .filter(([name]) => name.endsWith('.wasm'))
      .map(([name, bytes]) => ({ name, bytes: new Uint8Array(bytes) })),
  };
}
