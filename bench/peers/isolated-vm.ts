import { fromPeers, JS_HANDLER, type Peer } from './peer.ts';

interface Script {
  runSync(context: Context): unknown;
}
interface Context {
  evalClosureSync(code: string, args: readonly unknown[], options: object): unknown;
  release(): void;
}
interface Isolate {
  createContextSync(): Context;
  compileScriptSync(source: string): Script;
  dispose(): void;
}
interface IsolatedVm {
  readonly Isolate: new (options: { memoryLimit: number }) => Isolate;
}

const TIMEOUT_MS = 1000;
const MEMORY_MB = 64;
/** Released contexts are not collected in time: an isolate reaches its limit after some hundred. */
const CONTEXTS_PER_ISOLATE = 200;

/** isolated-vm: a fresh isolate, a fresh context in a kept isolate, and a kept context. */
export async function isolatedVm(): Promise<readonly Peer[]> {
  const { Isolate } = await fromPeers<IsolatedVm>('isolated-vm');
  const open = () => new Isolate({ memoryLimit: MEMORY_MB });
  const call = (context: Context, input: string): string =>
    String(context.evalClosureSync('return handle($0)', [input], { timeout: TIMEOUT_MS }));
  const isolate = open();
  const script = isolate.compileScriptSync(JS_HANDLER);
  const kept = isolate.createContextSync();
  script.runSync(kept);
  let sharing = open();
  let contexts = 0;
  return [
    {
      name: 'isolated_vm_isolate',
      fresh: true,
      run: (input) => {
        const own = open();
        const context = own.createContextSync();
        own.compileScriptSync(JS_HANDLER).runSync(context);
        const output = call(context, input);
        own.dispose();
        return output;
      },
    },
    {
      name: 'isolated_vm_context',
      fresh: true,
      run: (input) => {
        if (contexts++ % CONTEXTS_PER_ISOLATE === 0) {
          sharing.dispose();
          sharing = open();
        }
        const context = sharing.createContextSync();
        sharing.compileScriptSync(JS_HANDLER).runSync(context);
        const output = call(context, input);
        context.release();
        return output;
      },
      close: () => sharing.dispose(),
    },
    {
      name: 'isolated_vm_kept',
      fresh: false,
      run: (input) => call(kept, input),
      close: () => isolate.dispose(),
    },
  ];
}
