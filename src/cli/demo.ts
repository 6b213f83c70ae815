import type { Command } from 'commander';
import { runDemo } from './demo/run-demo.ts';

/** `wasm-broker demo`: the main job on an embedded database, on real data. */
export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('run a workflow over real data on an embedded PostgreSQL and show what happened')
    .option('--json', 'print one JSON object as the last line')
    .action(async (options: { readonly json?: boolean }) => {
      const ended = await runDemo({ json: options.json === true });
      process.exitCode = ended ? 0 : 1;
    });
}
