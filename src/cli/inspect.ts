import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { inspectModule } from '../catalog/inspect.ts';
import { BrokerError, messageOf } from '../errors.ts';
import { completeLimits } from '../model/limits.ts';
import { describeModule, type ExternDescription } from '../metering/index.ts';
import { formatBytes } from './render/table.ts';

/** `wasm-broker inspect`: what a module imports and exports, and what it would need to run. Runs nothing. */
export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('show imports, exports, memory and needed capabilities of a module, and whether it would be admitted')
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
  if (!verdict.allowed && verdict.code === 'ERR_MODULE_MALFORMED') return { digest, bytes: bytes.byteLength, verdict };
  const module = describeModule(bytes);
  return {
    digest,
    bytes: bytes.byteLength,
    verdict: verdict.allowed ? ({ allowed: true } as const) : verdict,
    capabilities: verdict.allowed ? verdict.capabilities : null,
    ...module,
  };
}

function render(facts: ReturnType<typeof inspectFile>): string {
  const lines = [`${facts.digest}  ${formatBytes(facts.bytes)}`];
  if ('imports' in facts) {
    lines.push(...facts.imports.map((item) => `import   ${item.module}.${item.name}  ${signatureOf(item)}`));
    lines.push(...facts.exports.map((item) => `export   ${item.name}  ${signatureOf(item)}`));
    lines.push(...facts.memories.map((memory) => `memory   ${memory.minPages} pages, at most ${memory.maxPages ?? 'unbounded'}`));
    lines.push(`start    ${facts.start === undefined ? 'none' : 'a start function: runs under fuel before every entry'}`);
    if (facts.capabilities !== null) lines.push(`needs    ${facts.capabilities.join(', ') || 'no capability'}`);
  }
  const { verdict } = facts;
  lines.push(verdict.allowed ? 'verdict  admitted' : `verdict  refused, ${verdict.code}: ${verdict.message}`);
  return `${lines.join('\n')}\n`;
}

function signatureOf(item: ExternDescription): string {
  if (item.kind !== 'function') return item.kind;
  return `function (${item.params.join(' ')}) -> (${item.results.join(' ')})`;
}
