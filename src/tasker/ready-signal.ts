/** Tells listeners that there may be something to claim. Any number of signals in one turn are one call. */
export interface ReadySignal {
  fire(): void;
  subscribe(listener: () => void): () => void;
  /** No listener is called any more. */
  close(): void;
}

export function createReadySignal(): ReadySignal {
  const listeners = new Set<() => void>();
  let scheduled: NodeJS.Immediate | undefined;
  return {
    fire() {
      scheduled ??= setImmediate(() => {
        scheduled = undefined;
        for (const listener of [...listeners]) listener();
      });
    },
    subscribe(listener) {
      // The same function may subscribe twice; each subscription ends by itself.
      const own = () => listener();
      listeners.add(own);
      return () => listeners.delete(own);
    },
    close() {
      clearImmediate(scheduled);
      listeners.clear();
    },
  };
}
