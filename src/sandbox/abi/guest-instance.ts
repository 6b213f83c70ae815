/** One interface for every kind of core module: an instance, and how to call it. */
export interface GuestInstance {
  /** Of the metered module: counters, start function, restore function. */
  readonly exports: WebAssembly.Exports;
  /** Runs the handler; its output is in the state afterwards. 0 where the guest says that all is well. */
  readonly entry: () => number;
}
