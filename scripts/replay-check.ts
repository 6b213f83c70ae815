// Records COUNT invocations of every catalog handler, and replays them in another process: every one must give the same
// output and use the same fuel. `npm run replay-check -- --count 1000`; ends with one JSON line.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../src/catalog/compile.ts';
import { BUILTIN_FOLDER, handlerFolders } from '../src/catalog/load.ts';
import { recordHandler } from './replay-check/record.ts';

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000' } } });
const count = Number(values.count);
if (!Number.isSafeInteger(count) || count < 1)
  throw new Error(`--count: expected a whole number, got ${values.count}`);

const tapes = await mkdtemp(join(tmpdir(), 'replay-check-'));
try {
  const folders = await handlerFolders(BUILTIN_FOLDER);
  await ensureBuilt(folders);
  for (const folder of folders) {
    const { name, completed } = await recordHandler(folder, tapes, count);
    process.stdout.write(`recorded ${count} of ${name}, ${completed} completed\n`);
  }
  const replayed = spawn(process.execPath, [entryOfReplay(), tapes], { stdio: 'inherit', env: {} });
  process.exitCode = await new Promise<number>((resolve) =>
    replayed.on('exit', (code) => resolve(code ?? 1)),
  );
} finally {
  await rm(tapes, { recursive: true });
}

function entryOfReplay(): string {
  return fileURLToPath(new URL('./replay-check/replay.ts', import.meta.url));
}
