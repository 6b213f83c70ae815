import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { BrokerError, messageOf } from '../errors.ts';
import { type Metered, MeteringError, meter } from '../metering/index.ts';
import { formatBytes } from './render/table.ts';

/** `wasm-broker meter`: rewrites one module, with fuel and call depth, for any host. */
export function meterCommand(program: Command): void {
  program
    .command('meter')
    .description('add fuel and a call-depth limit to a WebAssembly module')
    .argument('<in>', 'IN.wasm')
    .requiredOption('-o, --output <file>', 'OUT.wasm')
    .option('--shared', 'import the counters, so that several modules share them')
    .option('--report', 'print sizes, features, counts and the hash of the cost table')
    .action(async (file: string, options: { output: string; shared?: boolean; report?: boolean }) => {
      const bytes = await orUsage(readFile(file));
      const metered = rewrite(bytes, options.shared === true ? 'import' : 'own');
      await orUsage(writeFile(options.output, metered.bytes));
      if (options.report === true) process.stdout.write(render(metered));
    });
}

function rewrite(bytes: Uint8Array, counters: 'own' | 'import'): Metered {
  try {
    return meter(bytes, { counters });
  } catch (error) {
    if (!(error instanceof MeteringError)) throw error;
    throw new BrokerError('ERR_USAGE', `${error.code}: ${error.message}`, { cause: error });
  }
}

async function orUsage<Value>(work: Promise<Value>): Promise<Value> {
  return work.catch((error: unknown) => {
    throw new BrokerError('ERR_USAGE', messageOf(error), { cause: error });
  });
}

function render({
  summary,
  costTableHash,
  initialCost,
  fuelExport,
  depthExport,
  startExport,
  uncountedBytes,
}: Metered): string {
  const { originalBytes, meteredBytes, functions, charges, checks, heaviestFrame, features } = summary;
  const growth = (meteredBytes / originalBytes).toFixed(2);
  return `${[
    `size       ${formatBytes(originalBytes)} → ${formatBytes(meteredBytes)} (${growth}x)`,
    `functions  ${functions}`,
    `blocks     ${charges} charged, ${checks} checked`,
    `features   ${features.join(', ') || 'none beyond WebAssembly 1.0'}`,
    `frame      ${heaviestFrame} bytes, the heaviest; ${uncountedBytes} set aside for small functions`,
    `initial    ${initialCost} fuel for pages, tables and segments`,
    `exports    ${[fuelExport, depthExport, startExport].filter(Boolean).join(', ')}`,
    `costs      ${costTableHash}`,
  ].join('\n')}\n`;
}
