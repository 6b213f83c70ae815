/** JavaScript Promise Integration (on by default since Node 26): TypeScript's library does not declare it yet. */

interface PromiseIntegration {
  readonly Suspending: new (call: (...args: number[]) => Promise<number>) => WebAssembly.ImportValue;
  promising(entry: WebAssembly.ExportValue): (...args: number[]) => Promise<number>;
}

const jspi = WebAssembly as unknown as PromiseIntegration;

/** An import that suspends the guest until its promise settles. */
export function suspending(call: (...args: number[]) => Promise<number>): WebAssembly.ImportValue {
  return new jspi.Suspending(call);
}

/** An export that may be suspended; resolves with the guest's result and rejects when it traps. */
export function promising(entry: WebAssembly.ExportValue): (...args: number[]) => Promise<number> {
  return jspi.promising(entry);
}
