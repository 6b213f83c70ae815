import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childFlags } from '../../sandbox/lanes/process-link.ts';
import type { ScriptAttack } from '../attack.ts';
import type { Ended } from './observed.ts';

const DROP_PERMISSIONS = new URL(
  import.meta.url.endsWith('.ts')
    ? '../../sandbox/process/drop-permissions.ts'
    : '../../sandbox/process/drop-permissions.js',
  import.meta.url,
);

/** Runs JavaScript where guests of the process tier run: same flags, no environment, permissions given up, until the signal. */
export async function attackScript({ expression }: ScriptAttack, signal: AbortSignal): Promise<Ended> {
  const source = `
    const { dropPermissions } = await import(${JSON.stringify(DROP_PERMISSIONS.href)});
    dropPermissions();
    const attempt = async () => { try { return { got: await (${expression}) }; } catch (error) { return { code: error.code }; } };
    console.log(JSON.stringify(await attempt()));`;
  const args = [...childFlags(), '--input-type=module', '-e', source];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: {},
    signal,
    killSignal: 'SIGKILL',
  });
  const { code = null, got = null } = JSON.parse(stdout) as { code?: string; got?: string };
  return { outcome: code === null ? 'done' : 'denied', code, output: got };
}
