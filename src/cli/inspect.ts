import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describe, inspectModule } from '../catalog/inspect.ts';
import { BrokerError, messageOf } from '../errors.ts';
import type { ExternDescription, ModuleDescription } from '../metering/index.ts';
import { completeLimits } from '../model/limits.ts';
import { formatBytes } from './render/table.ts';

/** `wasm-broker inspect`: what a module imports and exports, and what it would need to run. Runs nothing. */
export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description(
      'show imports, exports, memory and needed capabilities of a module, and whether it would be admitted',
    )
    .argument('<file>', 'FILE.wasm')
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: { readonly json?: boolean }) => {
      const bytes = await readFile(file).catch((error: unknown) => {
        throw new BrokerError('ERR_USAGE', messageOf(error), { cause: error });
      });
      const facts = inspectFile(bytes);
      process.stdout.write(options.json === true ? `${JSON.stringify(facts)}\n` : render(facts));
      process.exitCode = facts.verdict.allowed ? 0 : 1;
    });
}

function inspectFile(bytes: Uint8Array) {
  const verdict = inspectModule(bytes, completeLimits({}));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const described = describe(bytes);
  return {
    digest,
    bytes: bytes.byteLength,
    verdict: verdict.allowed ? ({ allowed: true } as const) : verdict,
    abi: verdict.allowed ? verdict.abi : null,
    capabilities: verdict.allowed ? verdict.capabilities : null,
    module: described.allowed ? described.description : null,
  };
}

function render(facts: ReturnType<typeof inspectFile>): string {
  const { verdict, module, abi, capabilities } = facts;
  const lines = [`${facts.digest}  ${formatBytes(facts.bytes)}`];
  if (module !== null) lines.push(...describeLines(module));
  if (abi !== null) lines.push(`abi      ${abi}`);
  if (capabilities !== null) lines.push(`needs    ${capabilities.join(', ') || 'no capability'}`);
  lines.push(verdict.allowed ? 'verdict  admitted' : `verdict  refused, ${verdict.code}: ${verdict.message}`);
  return `${lines.join('\n')}\n`;
}

function describeLines({ imports, exports, memories, start }: ModuleDescription): string[] {
  return [
    ...imports.map((item) => `import   ${item.module}.${item.name}  ${signatureOf(item)}`),
    ...exports.map((item) => `export   ${item.name}  ${signatureOf(item)}`),
    ...memories.map(
      ({ minPages, maxPages }) => `memory   ${minPages} pages, at most ${maxPages ?? 'unbounded'}`,
    ),
    `start    ${start === undefined ? 'none' : 'a start function: runs under fuel before every entry'}`,
  ];
}

function signatureOf(item: ExternDescription): string {
  if (item.kind !== 'function') return item.kind;
  return `function (${item.params.join(' ')}) -> (${item.results.join(' ')})`;
}
