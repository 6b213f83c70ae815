import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Admission } from '../catalog/admission/admission.ts';
import { isComponent } from '../catalog/admission/component/sections.ts';
import { describe, inspectModule } from '../catalog/inspect.ts';
import { BrokerError, isBrokerError, messageOf } from '../errors.ts';
import type { ExternDescription, ModuleDescription } from '../metering/index.ts';
import type { Abi, CapabilityName } from '../model/abi.ts';
import { completeLimits } from '../model/limits.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
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
      const facts = isComponent(bytes) ? await inspectComponent(bytes) : inspectFile(bytes);
      process.stdout.write(options.json === true ? `${JSON.stringify(facts)}\n` : render(facts));
      process.exitCode = facts.verdict.allowed ? 0 : 1;
    });
}

interface InspectedFile {
  readonly digest: string;
  readonly bytes: number;
  readonly verdict: Verdict;
  readonly abi: Abi | null;
  readonly capabilities: readonly CapabilityName[] | null;
  readonly module: ModuleDescription | null;
  readonly component: InspectedComponent | null;
}

interface InspectedComponent {
  /** Interfaces of `tasker:catalog`. */
  readonly imports: readonly string[];
  readonly coreModules: number;
  readonly memoryMinPages: number;
  readonly meteredBytes: number;
}

/** jco reads it, in the admission child. */
async function inspectComponent(bytes: Uint8Array): Promise<InspectedFile> {
  const admission = new Admission(completeLimits({}));
  const known = { digest: digestOf(bytes), bytes: bytes.byteLength, module: null };
  try {
    const { facts, component } = await admission.prepare(bytes);
    const { memoryMinPages, meteredBytes } = facts;
    return {
      ...known,
      verdict: { allowed: true },
      abi: facts.abi,
      capabilities: facts.capabilities,
      component: {
        imports: [...(component?.facts.interfaces ?? [])].sort(),
        coreModules: component?.facts.cores.length ?? 0,
        memoryMinPages,
        meteredBytes,
      },
    };
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    const verdict = refuse(error.code, error.message, error.details);
    return { ...known, verdict, abi: null, capabilities: null, component: null };
  } finally {
    admission.close();
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function inspectFile(bytes: Uint8Array): InspectedFile {
  const verdict = inspectModule(bytes, completeLimits({}));
  const described = describe(bytes);
  return {
    digest: digestOf(bytes),
    bytes: bytes.byteLength,
    verdict: verdict.allowed ? { allowed: true } : verdict,
    abi: verdict.allowed ? verdict.abi : null,
    capabilities: verdict.allowed ? verdict.capabilities : null,
    module: described.allowed ? described.description : null,
    component: null,
  };
}

function render(facts: InspectedFile): string {
  const { verdict, module, component, abi, capabilities } = facts;
  const lines = [`${facts.digest}  ${formatBytes(facts.bytes)}`];
  if (module !== null) lines.push(...describeLines(module));
  if (component !== null) lines.push(...componentLines(component));
  if (abi !== null) lines.push(`abi      ${abi}`);
  if (capabilities !== null) lines.push(`needs    ${capabilities.join(', ') || 'no capability'}`);
  lines.push(verdict.allowed ? 'verdict  admitted' : `verdict  refused, ${verdict.code}: ${verdict.message}`);
  return `${lines.join('\n')}\n`;
}

function componentLines({
  imports,
  coreModules,
  memoryMinPages,
  meteredBytes,
}: InspectedComponent): string[] {
  return [
    ...imports.map((name) => `import   tasker:catalog/${name}`),
    `cores    ${coreModules} core modules, ${formatBytes(meteredBytes)} metered`,
    `memory   ${memoryMinPages} pages`,
  ];
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
