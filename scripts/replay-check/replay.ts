// The other process: replays every tape of a folder, in an environment that is empty.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../../src/catalog/artifact.ts';
import { BUILTIN_FOLDER, loadHandler } from '../../src/catalog/load.ts';
import { createSandbox } from '../../src/sandbox/sandbox.ts';
import { readTape } from '../../src/sandbox/tape/file.ts';
import { replay } from '../../src/sandbox/tape/replay.ts';

const folder = process.argv[2] ?? '';
const sandbox = createSandbox();
const artifacts = new Map<string, Artifact>();
const counts = { equal: 0, diverged: 0, not_comparable: 0 };
const handlers: Record<string, number> = {};
for (const file of (await readdir(folder)).sort()) {
  const tape = await readTape(join(folder, file));
  const name = tape.handler?.split('@')[0] ?? '';
  const known = artifacts.get(name);
  const artifact = known ?? (await loadHandler(join(BUILTIN_FOLDER, name), sandbox.admit)).artifact;
  artifacts.set(name, artifact);
  const replayed = await replay(sandbox, artifact, tape);
  counts[replayed.verdict] += 1;
  if (replayed.verdict === 'equal') handlers[name] = (handlers[name] ?? 0) + 1;
  else process.stdout.write(`${file}: ${JSON.stringify(replayed)}\n`);
}
await sandbox.close();
const met = counts.equal > 0 && counts.diverged + counts.not_comparable === 0;
process.stdout.write(`${JSON.stringify({ check: 'replay', handlers, ...counts, met })}\n`);
process.exitCode = met ? 0 : 1;
