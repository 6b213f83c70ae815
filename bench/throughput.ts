/** Sends one invocation and resolves when it is done. */
export type Send = () => Promise<unknown>;

/** Invocations per second with `inFlight` under way at any time, for about `ms`. */
export async function throughput(send: Send, inFlight: number, ms: number): Promise<number> {
  const startedMs = performance.now();
  const endMs = startedMs + ms;
  let done = 0;
  const keepSending = async () => {
    while (performance.now() < endMs) {
      await send();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, keepSending));
  return (done * 1000) / (performance.now() - startedMs);
}

/** Throughput of each, measured turn by turn in one process: median per name. */
export async function interleaved<Name extends string>(
  senders: Readonly<Record<Name, Send>>,
  { rounds, sliceMs, inFlight }: { rounds: number; sliceMs: number; inFlight: number },
): Promise<Readonly<Record<Name, Rates>>> {
  const names = Object.keys(senders) as Name[];
  const rates = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (const name of names) await throughput(senders[name], inFlight, sliceMs);
  for (let round = 0; round < rounds; round += 1) {
    for (let n = 0; n < names.length; n += 1) {
      const name = names[(n + round) % names.length] as Name;
      rates.get(name)?.push(await throughput(senders[name], inFlight, sliceMs));
    }
  }
  return Object.fromEntries(names.map((name) => [name, ratesOf(rates.get(name) ?? [])])) as Record<
    Name,
    Rates
  >;
}

export interface Rates {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

function ratesOf(samples: readonly number[]): Rates {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}
