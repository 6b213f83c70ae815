import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A converted script: what `wasm-tools json-from-wast` and wabt's `wast2json` write. */
export interface Script {
  readonly name: string;
  readonly folder: string;
  readonly commands: readonly Command[];
}

export interface Constant {
  readonly type: string;
  /** Bits as a decimal number, a pattern for a NaN, or one of them for each lane. */
  readonly value?: string | readonly string[];
  readonly lane_type?: string;
  readonly values?: readonly Constant[];
}

export interface Action {
  readonly type: 'invoke' | 'get';
  readonly module?: string;
  readonly field: string;
  readonly args?: readonly Constant[];
}

export interface Command {
  readonly type: string;
  readonly line: number;
  readonly filename?: string;
  readonly module_type?: string;
  readonly name?: string;
  readonly as?: string;
  readonly instance?: string;
  readonly module?: string;
  readonly action?: Action;
  readonly expected?: readonly Constant[];
}

/** Every script below a folder, in the order of their names. */
export function loadScripts(folder: string): Script[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort();
  return files.map((file) => {
    const path = join(folder, file);
    const { commands } = JSON.parse(readFileSync(path, 'utf8')) as { commands: Command[] };
    return { name: basename(file, '.json'), folder: join(path, '..'), commands };
  });
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
