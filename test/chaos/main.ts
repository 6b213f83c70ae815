// npm run chaos -- --runs N --seed S [--only NAME] [--jobs N]: kills, cuts and drains, one run after the other; see docs/crash-matrix.md.
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/errors.ts';
import { FAULT_NAMES } from './faults.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { runOnce } from './run.ts';
import type { Violation } from './violations.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
  },
});
const names = FAULT_NAMES.filter((name) => name.startsWith(values.only));
if (names.length === 0) {
  process.stderr.write(`no fault begins with "${values.only}"; there are: ${FAULT_NAMES.join(', ')}\n`);
  process.exit(2);
}
const runs = Number(values.runs ?? names.length);
const firstSeed = Number(values.seed ?? 1);

const jobs = Number(values.jobs);

const violations: Violation[] = [];
const startedMs = performance.now();
let next = 0;

async function job(): Promise<void> {
  const server = await startPostgresServer();
  while (next < runs) {
    const run = next;
    next += 1;
    await runAndTell(server, run);
  }
  await server.stop();
}

async function runAndTell(server: PostgresServer, run: number): Promise<void> {
  const name = names[run % names.length] ?? '';
  const seed = firstSeed + run;
  const label = `${String(run + 1).padStart(4)}  --only '${name}' --seed ${seed}`;
  try {
    const report = await runOnce(server, name, seed);
    violations.push(...report.violations);
    const verdict = report.violations.length === 0 ? 'ok' : 'VIOLATED';
    const { tasks, starts, durationMs } = report;
    const seconds = (durationMs / 1000).toFixed(1);
    process.stdout.write(`${label}  ${verdict}  ${tasks} tasks, ${starts} processes, ${seconds} s\n`);
    for (const { kind, message } of report.violations) process.stdout.write(`      ${kind}: ${message}\n`);
    if (report.violations.length > 0) process.stdout.write(`      ${JSON.stringify(report.fault.strikes)}\n`);
  } catch (error) {
    violations.push({ kind: 'incomplete', message: messageOf(error) });
    process.stdout.write(`${label}  FAILED  ${error instanceof Error ? error.stack : messageOf(error)}\n`);
  }
}

await Promise.all(Array.from({ length: jobs }, job));

const of = (kind: Violation['kind']) => violations.filter((violation) => violation.kind === kind).length;
const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
process.stdout.write(
  `${runs} runs, ${of('lost')} lost, ${of('written twice')} written twice, ${of('attempts')} wrong attempts, ` +
    `${of('incomplete')} incomplete, ${of('left behind')} left behind, ${of('crash')} crashed, ${of('missed')} missed; ${minutes} min\n`,
);
process.exitCode = violations.length === 0 ? 0 : 1;
