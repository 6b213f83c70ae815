import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Artifact } from '../src/catalog/artifact.ts';
import type { ModuleMessage } from '../src/sandbox/protocol.ts';

/** One thing to time: does its work `times` times. */
export type Subject = (times: number) => void | Promise<void>;

/** CPU microseconds for one call: median over rounds, with the middle half of the rounds. */
export interface Cost {
  readonly medianUs: number;
  readonly lowUs: number;
  readonly highUs: number;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** How long one subject works in one round. */
  readonly sliceMs: number;
}

/**
 * Times subjects turn by turn in one process, in another order every round, by the CPU time of the process: neighbours
 * on the machine disturb it less than elapsed time. Every subject is warmed up first.
 */
export async function measure<Name extends string>(
  subjects: Readonly<Record<Name, Subject>>,
  { rounds, sliceMs }: MeasureOptions,
): Promise<Readonly<Record<Name, Cost>>> {
  const names = Object.keys(subjects) as Name[];
  const times = new Map<Name, number>();
  for (const name of names) times.set(name, await calibrate(subjects[name], sliceMs));
  const samples = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of rotate(names, round)) {
      const count = times.get(name) ?? 1;
      samples.get(name)?.push((await cpuUs(() => subjects[name](count))) / count);
    }
  }
  return Object.fromEntries(names.map((name) => [name, costOf(samples.get(name) ?? [])])) as Record<
    Name,
    Cost
  >;
}

async function calibrate(subject: Subject, sliceMs: number): Promise<number> {
  let count = 1;
  for (;;) {
    const us = await cpuUs(() => subject(count));
    if (us >= sliceMs * 1000) return count;
    count = Math.max(count * 2, Math.min(count * 100, Math.ceil((count * sliceMs * 1000) / Math.max(us, 1))));
  }
}

async function cpuUs(work: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function rotate<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function costOf(samples: readonly number[]): Cost {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { medianUs: at(0.5), lowUs: at(0.25), highUs: at(0.75) };
}

/** What a lane is told of a module. */
export function moduleMessage({ module, ...artifact }: Artifact): ModuleMessage {
  return { type: 'module', module, ...artifact };
}

export type Target = readonly ['<=' | '>=', number];

/** Prints the one JSON line that ends every benchmark. */
export function report(
  bench: string,
  metrics: Readonly<Record<string, number>>,
  targets: Readonly<Record<string, Target>>,
): void {
  const met = Object.entries(targets).every(([name, [sign, bound]]) => {
    const value = metrics[name];
    return value !== undefined && (sign === '<=' ? value <= bound : value >= bound);
  });
  const rounded = Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
  const machine = `${os.cpus().length} x ${os.cpus()[0]?.model ?? 'unknown'}, ${os.platform()} ${os.arch()}`;
  const date = new Date().toISOString();
  console.log(JSON.stringify({ bench, metrics: rounded, targets, met, versions: versions(), machine, date }));
}

function versions(): Readonly<Record<string, string>> {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return { node: process.versions.node, v8: process.versions.v8, 'tasker-wasm-broker': manifest.version };
}
