/** Runs in a lane's thread. The timers of one invocation's glue: none of them outlives it, or keeps the lane alive. */
export class GlueTimers {
  readonly #running = new Set<NodeJS.Timeout>();
  #ended = false;

  readonly setTimeout = (callback: () => void, ms: number): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      this.#running.delete(timer);
      callback();
    }, ms).unref();
    return this.#keep(timer);
  };

  readonly setInterval = (callback: () => void, ms: number): NodeJS.Timeout =>
    this.#keep(setInterval(callback, ms).unref());

  end(): void {
    this.#ended = true;
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }

  #keep(timer: NodeJS.Timeout): NodeJS.Timeout {
    if (this.#ended) clearTimeout(timer);
    else this.#running.add(timer);
    return timer;
  }
}
