/** npm run spec -- FOLDER: the converted specification tests, metered against plain. docs/metering.md says how to convert. */
import { isFolder, loadScripts, type Script } from './script.ts';
import { Stage } from './stage.ts';

interface Totals {
  modules: number;
  run: number;
  differing: number;
  exact: number;
  unexpected: number;
  readonly skipped: Map<string, number>;
  readonly faults: string[];
}

const [folder = ''] = process.argv.slice(2);
if (isFolder(folder)) run(loadScripts(folder));
else {
  console.error('npm run spec -- FOLDER, where FOLDER holds converted scripts (*.json with *.wasm)');
  process.exitCode = 2;
}

function run(scripts: readonly Script[]): void {
  const totals: Totals = {
    modules: 0,
    run: 0,
    differing: 0,
    exact: 0,
    unexpected: 0,
    skipped: new Map(),
    faults: [],
  };
  for (const script of scripts) runScript(script, totals);
  print(scripts.length, totals);
  process.exitCode = totals.differing === 0 && totals.run > 0 ? 0 : 1;
}

function runScript(script: Script, totals: Totals): void {
  const stage = new Stage(script);
  for (const command of script.commands) {
    const place = `${script.name}:${command.line}`;
    const verdict = stage.run(command);
    const counts = command.type.startsWith('assert_') || command.type === 'action';
    if (verdict.kind === 'differs') fault(totals, `${place} ${command.type}: ${verdict.detail}`);
    else if (counts && verdict.kind === 'skipped') count(totals.skipped, verdict.reason);
    if (!counts || verdict.kind === 'skipped') continue;
    totals.run++;
    if (verdict.kind !== 'same') continue;
    if (verdict.exact === true) totals.exact++;
    if (!verdict.asExpected) {
      totals.unexpected++;
      if (process.argv.includes('--verbose')) console.log(`unexpected, plain too: ${place}`);
    }
  }
  for (const label of stage.differences()) fault(totals, `${script.name}: memory ${label} differs`);
  totals.modules += stage.modules;
}

function fault(totals: Totals, text: string): void {
  totals.differing++;
  totals.faults.push(text);
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function print(scripts: number, totals: Totals): void {
  for (const text of totals.faults.slice(0, 50)) console.log(`DIFFERS ${text}`);
  const skipped = [...totals.skipped.values()].reduce((sum, number) => sum + number, 0);
  const share = ((100 * skipped) / (totals.run + skipped)).toFixed(2);
  console.log(`scripts                ${scripts}`);
  console.log(`modules                ${totals.modules}`);
  console.log(`assertions run         ${totals.run}`);
  console.log(`  with exact fuel      ${totals.exact}, as the naive count adds it up`);
  console.log(`  not as the script    ${totals.unexpected}, plain and metered alike`);
  console.log(`assertions skipped     ${skipped} (${share} %)`);
  for (const [reason, number] of [...totals.skipped].sort((a, b) => b[1] - a[1])) {
    console.log(`  ${String(number).padStart(6)} ${reason}`);
  }
  console.log(`differing              ${totals.differing}`);
}
