import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepInvocation } from '../model/invocation.ts';
import type { Tape } from '../model/tape.ts';
import { writeTape } from '../sandbox/tape/file.ts';

export interface TapesOptions {
  /** Made if it is not there. */
  readonly folder: string;
  /** Share of invocations that is recorded, from 0 to 1. */
  readonly rate: number;
  /** Tapes that are kept; the oldest go. */
  readonly maxFiles: number;
  readonly onError: (error: unknown) => void;
  /** Uniform from 0 (inclusive) to 1 (exclusive). */
  readonly random?: () => number;
}

/** Records a share of a broker's invocations in a folder. */
export interface Tapes {
  /** Who takes the tape of this invocation; null where it is not recorded. */
  pick(invocation: StepInvocation): ((tape: Tape) => void) | null;
  /** Resolves when everything taken so far is written. */
  flushed(): Promise<void>;
}

const SUFFIX = '.tape.json';

/** Tapes are written one after the other, beside the steps: a slow disk delays nothing but tapes. */
export function createTapes({ folder, rate, maxFiles, onError, random = Math.random }: TapesOptions): Tapes {
  let writing = Promise.resolve();
  const keep = async (name: string, tape: Tape) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeTape(join(folder, name), tape);
    await dropOldest(folder, maxFiles);
  };
  return Object.freeze({
    pick({ stepUuid, attempt }: StepInvocation) {
      if (random() >= rate) return null;
      return (tape: Tape) => {
        // Sorts by time; a step has several where it comes to checkpoints.
        const time = tape.recorded_at.replaceAll(':', '');
        const name = `${time}_${stepUuid}_${attempt}_${randomUUID().slice(0, 8)}${SUFFIX}`;
        writing = writing.then(() => keep(name, tape)).catch(onError);
      };
    },
    flushed: () => writing,
  });
}

async function dropOldest(folder: string, maxFiles: number): Promise<void> {
  const tapes = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).sort();
  for (const name of tapes.slice(0, Math.max(0, tapes.length - maxFiles))) {
    await rm(join(folder, name), { force: true });
  }
}
