/** node test/metering/real/run.ts FOLDER: packages from npm do their job plain and metered. FOLDER has them installed. */
import { spawnSync } from 'node:child_process';
import { JOBS, Packages } from './jobs.ts';
import { meterEverything } from './metered-engine.ts';

const [folder = '', only, how] = process.argv.slice(2);

if (only === undefined) compareAll();
else await runOne(only);

/** Each job in processes of its own, so that nothing of one run is left in the other. */
function compareAll(): void {
  let failed = 0;
  for (const { name, from } of JOBS) {
    const [plain, metered] = ['plain', 'metered'].map((variant) => inProcess(name, variant));
    const same = plain?.output !== undefined && plain.output === metered?.output;
    if (!same) failed++;
    const detail = same ? metered?.report : (metered?.error ?? plain?.error ?? 'other output');
    console.log(`${same ? 'same  ' : 'FAILED'} ${name.padEnd(24)} ${from.padEnd(24)} ${detail}`);
  }
  console.log(`${JOBS.length - failed} of ${JOBS.length} packages do their job metered as they do plain`);
  process.exitCode = failed === 0 ? 0 : 1;
}

function inProcess(name: string, variant: string): { output?: string; report?: string; error?: string } {
  const { stdout, stderr } = spawnSync(process.execPath, [import.meta.filename, folder, name, variant]);
  const line = stdout
    .toString()
    .split('\n')
    .find((text) => text.startsWith('{"job"'));
  if (line === undefined) return { error: stderr.toString().slice(-300).replaceAll('\n', ' ') };
  return JSON.parse(line) as { output: string; report: string };
}

async function runOne(name: string): Promise<void> {
  const report = how === 'metered' ? meterEverything() : undefined;
  const output = await JOBS.find((job) => job.name === name)?.run(new Packages(folder));
  const size = report && `${report.bytes} → ${report.meteredBytes} bytes, ${report.fuel()} fuel`;
  console.log(JSON.stringify({ job: name, output, report: size ?? '' }));
  if (report?.modules === 0) throw new Error('no module was compiled');
  process.exit(0);
}
