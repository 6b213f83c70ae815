import { fromPeers, JS_HANDLER, type Peer } from './peer.ts';

interface Handle {
  dispose(): void;
}
interface Context {
  readonly global: Handle;
  evalCode(source: string): { value?: Handle; error?: Handle };
  getProp(object: Handle, name: string): Handle;
  newString(text: string): Handle;
  callFunction(call: Handle, self: Handle, ...args: Handle[]): { value?: Handle; error?: Handle };
  getString(value: Handle): string;
  dispose(): void;
}
interface Runtime {
  setMemoryLimit(bytes: number): void;
  setInterruptHandler(handler: () => boolean): void;
  newContext(): Context;
  dispose(): void;
}
interface QuickJs {
  getQuickJS(): Promise<{ newRuntime(): Runtime }>;
}

const INTERRUPTS_MAX = 10_000;

/** quickjs-emscripten: a fresh runtime for every call, with its memory limit and an interrupt count, and one kept. */
export async function quickjs(): Promise<readonly Peer[]> {
  const engine = await (await fromPeers<QuickJs>('quickjs-emscripten')).getQuickJS();
  const open = () => {
    const runtime = engine.newRuntime();
    runtime.setMemoryLimit(64 * 1024 * 1024);
    let interrupts = 0;
    runtime.setInterruptHandler(() => ++interrupts > INTERRUPTS_MAX);
    const context = runtime.newContext();
    resultOf(context.evalCode(JS_HANDLER)).dispose();
    const handle = context.getProp(context.global, 'handle');
    const call = (input: string): string => {
      const argument = context.newString(input);
      const value = resultOf(context.callFunction(handle, context.global, argument));
      const output = context.getString(value);
      value.dispose();
      argument.dispose();
      return output;
    };
    const close = () => {
      handle.dispose();
      context.dispose();
      runtime.dispose();
    };
    return { call, close };
  };
  const kept = open();
  return [
    {
      name: 'quickjs_fresh',
      fresh: true,
      run: (input) => {
        const { call, close } = open();
        const output = call(input);
        close();
        return output;
      },
    },
    { name: 'quickjs_kept', fresh: false, run: kept.call, close: kept.close },
  ];
}

function resultOf({ value, error }: { value?: Handle; error?: Handle }): Handle {
  if (value === undefined || error !== undefined) throw new Error('the script failed');
  return value;
}
