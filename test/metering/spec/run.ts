/**
 * npm run spec -- FOLDER: the converted specification tests, metered against plain and against the naive count, and the
 * fuel of every command in V8's baseline against its optimizing compiler. docs/metering.md says how to convert.
 */
import { execFileSync } from 'node:child_process';
import { isFolder, loadScripts, type Script } from './script.ts';
import { Stage } from './stage.ts';

interface Totals {
  modules: number;
  exactModules: number;
  unendedModules: number;
  codelessModules: number;
  untold: number;
  run: number;
  differing: number;
  exact: number;
  unexpected: number;
  readonly skipped: Map<string, number>;
  readonly faults: string[];
  /** One line for each command that ran metered code: place and fuel. */
  readonly fuel: string[];
}

const [folder = ''] = process.argv.slice(2);
const [verbose, fuelOnly] = ['--verbose', '--fuel'].map((flag) => process.argv.includes(flag));
if (isFolder(folder)) run(loadScripts(folder));
else {
  console.error('npm run spec -- FOLDER, where FOLDER holds converted scripts (*.json with *.wasm)');
  process.exitCode = 2;
}

function run(scripts: readonly Script[]): void {
  const totals: Totals = {
    modules: 0,
    exactModules: 0,
    unendedModules: 0,
    codelessModules: 0,
    untold: 0,
    run: 0,
    differing: 0,
    exact: 0,
    unexpected: 0,
    skipped: new Map(),
    faults: [],
    fuel: [],
  };
  for (const script of scripts) runScript(script, totals);
  if (fuelOnly) {
    process.stdout.write(totals.fuel.join('\n'));
    return;
  }
  compareTiers(totals);
  print(scripts.length, totals);
  process.exitCode = totals.differing === 0 && totals.run > 0 ? 0 : 1;
}

function runScript(script: Script, totals: Totals): void {
  const stage = new Stage(script);
  for (const command of script.commands) {
    const place = `${script.name}:${command.line}`;
    const verdict = stage.run(command);
    if (verdict.kind === 'same' || verdict.kind === 'done') totals.fuel.push(`${place} ${verdict.fuel}`);
    const counts = command.type.startsWith('assert_') || command.type === 'action';
    if (verdict.kind === 'differs') fault(totals, `${place} ${command.type}: ${verdict.detail}`);
    else if (counts && verdict.kind === 'skipped') count(totals.skipped, verdict.reason);
    if (!counts || verdict.kind === 'skipped') continue;
    totals.run++;
    if (verdict.kind !== 'same') continue;
    if (verdict.exact === true) totals.exact++;
    if (!verdict.asExpected) {
      totals.unexpected++;
      if (verbose) console.log(`unexpected, plain too: ${place}`);
    }
  }
  for (const label of stage.differences()) fault(totals, `${script.name}: memory ${label} differs`);
  for (const [label, verdict] of stage.untold()) {
    const place = `${script.name}:${label}`;
    if (verdict.kind === 'differs') fault(totals, `${place}: ${verdict.detail}`);
    if (verdict.kind !== 'same') continue;
    totals.untold++;
    totals.fuel.push(`${place} ${verdict.fuel}`);
  }
  totals.modules += stage.modules;
  totals.exactModules += stage.exactModules.size;
  totals.unendedModules += stage.unendedModules;
  totals.codelessModules += stage.codelessModules;
}

/** Runs all of it again with one compiler each. */
function compareTiers(totals: Totals): void {
  for (const tier of ['--liftoff-only', '--no-liftoff']) {
    const output = execFileSync(process.execPath, [tier, import.meta.filename, folder, '--fuel'], {
      maxBuffer: 2 ** 28,
    });
    const lines = output.toString().split('\n');
    totals.fuel.forEach((line, at) => {
      if (lines[at] !== line) fault(totals, `${line} units, with ${tier}: ${lines[at]}`);
    });
  }
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
  const { modules, exactModules, unendedModules, codelessModules } = totals;
  const skipped = [...totals.skipped.values()].reduce((sum, number) => sum + number, 0);
  const share = ((100 * skipped) / (totals.run + skipped)).toFixed(2);
  console.log(`scripts                ${scripts}`);
  console.log(`modules                ${totals.modules}`);
  console.log(`  that run to an end   ${totals.exactModules}, each with the fuel of the naive count`);
  console.log(`  that only trap       ${totals.unendedModules}`);
  console.log(`  without functions    ${totals.codelessModules}, of their own`);
  console.log(
    `  that are not made    ${modules - exactModules - unendedModules - codelessModules}, as the script says`,
  );
  console.log(`assertions run         ${totals.run}`);
  console.log(`  with exact fuel      ${totals.exact}, as the naive count adds it up`);
  console.log(`  not as the script    ${totals.unexpected}, plain and metered alike`);
  console.log(`assertions skipped     ${skipped} (${share} %)`);
  for (const [reason, number] of [...totals.skipped].sort((a, b) => b[1] - a[1])) {
    console.log(`  ${String(number).padStart(6)} ${reason}`);
  }
  console.log(`calls beyond           ${totals.untold}, of every exported function with zeros`);
  console.log(
    `fuel in both tiers     ${totals.fuel.length} commands, baseline, optimizing and mixed compared`,
  );
  console.log(`differing              ${totals.differing}`);
}
