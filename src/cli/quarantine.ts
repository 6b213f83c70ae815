import type { Command } from 'commander';
import * as z from 'zod';
import { callAdmin } from './admin-client.ts';
import { renderTable } from './render/table.ts';

const Quarantined = z.object({
  quarantined: z.array(z.object({ digest: z.string(), handlers: z.array(z.string()) })),
});
const Released = z.object({ released: z.string() });

interface Options {
  readonly config: string;
  readonly url?: string;
  readonly json?: boolean;
}

/** `wasm-broker quarantine`: the modules that a running broker does not run any more. */
export function quarantineCommand(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('modules that brought down their lanes and are not run any more; asks a running broker');
  withBroker(quarantine.command('list').description('list them'))
    .option('--json', 'print one JSON object')
    .action(async (options: Options) => {
      const answer = await callAdmin(options, 'GET', '/v1/quarantine', Quarantined);
      process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : render(answer));
    });
  withBroker(quarantine.command('release').description('let one run again'))
    .argument('<digest>', 'sha256:…, as `wasm-broker quarantine list` shows it')
    .action(async (digest: string, options: Options) => {
      const path = `/v1/quarantine/${encodeURIComponent(digest)}/release`;
      const { released } = await callAdmin(options, 'POST', path, Released);
      process.stdout.write(`${released} may run again\n`);
    });
}

function withBroker(command: Command): Command {
  return command
    .option('--config <file>', 'configuration of the broker, for its address and token', 'broker.toml')
    .option('--url <url>', 'its admin server, if that is elsewhere');
}

function render({ quarantined }: z.infer<typeof Quarantined>): string {
  if (quarantined.length === 0) return 'no module is in quarantine\n';
  const rows = quarantined.map(({ digest, handlers }) => [digest, handlers.join(', ')]);
  return `${renderTable(['module', 'handlers'], rows)}\n`;
}
