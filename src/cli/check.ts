import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { checkTemplateText, type TemplateReport } from '../check/check-template.ts';
import type { Surroundings } from '../check/subject.ts';
import { type Config, loadConfig, processEnv } from '../config.ts';
import { BrokerError } from '../errors.ts';
import { createEvents } from '../events.ts';
import { createSandbox } from '../sandbox/sandbox.ts';
import { templateFiles } from '../tasker/read-template.ts';
import { loadCatalog } from './worker.ts';

interface CheckOptions {
  readonly config?: string;
  readonly json?: boolean;
}

const DEFAULT_CONFIG = 'broker.toml';

/** `wasm-broker check`: templates before anything of them runs. */
export function checkCommand(program: Command): void {
  program
    .command('check')
    .description(
      'check templates before anything runs: handlers, configurations, references, grants, timeouts',
    )
    .argument('<template...>', 'template files, or folders of them')
    .option('--config <file>', `broker that is to run them (default: ${DEFAULT_CONFIG}, if it is here)`)
    .option('--json', 'print one JSON object')
    .action(async (paths: readonly string[], options: CheckOptions) => {
      const config = configOf(options.config);
      const files = (await Promise.all(paths.map(templateFiles))).flat();
      if (files.length === 0) throw new BrokerError('ERR_USAGE', `no template in ${paths.join(', ')}`);
      const reports = await checkFiles(files, config);
      process.stdout.write(options.json === true ? jsonReport(reports) : textReport(reports, config));
      process.exitCode = countOf(reports, 'error') === 0 ? 0 : 1;
    });
}

type FileReport = TemplateReport & { readonly file: string };

function configOf(file: string | undefined): Config | null {
  if (file === undefined && !existsSync(DEFAULT_CONFIG)) return null;
  return loadConfig({ file: file ?? DEFAULT_CONFIG, env: processEnv() });
}

async function checkFiles(files: readonly string[], config: Config | null): Promise<readonly FileReport[]> {
  const applied = config ?? loadConfig({ env: {} });
  const sandbox = createSandbox({ lanes: 1, limits: applied.limits });
  try {
    const surroundings: Surroundings = {
      catalog: await loadCatalog(applied, sandbox, createEvents()),
      config,
    };
    return await Promise.all(
      files.map(async (file) => ({ file, ...checkTemplateText(await readFile(file, 'utf8'), surroundings) })),
    );
  } finally {
    await sandbox.close();
  }
}

function countOf(reports: readonly FileReport[], severity: 'error' | 'note'): number {
  return reports.flatMap(({ findings }) => findings).filter((finding) => finding.severity === severity)
    .length;
}

function jsonReport(reports: readonly FileReport[]): string {
  return `${JSON.stringify({ templates: reports, errors: countOf(reports, 'error'), notes: countOf(reports, 'note') })}\n`;
}

/** `file:line:column: error code: message`, and the cure below it: editors jump to such lines. */
function textReport(reports: readonly FileReport[], config: Config | null): string {
  const lines = reports.flatMap(({ file, findings }) =>
    findings.flatMap(({ code, severity, position, message, cure }) => [
      `${file}${position === null ? '' : `:${position.line}:${position.column}`}: ${severity} ${code}: ${message}`,
      ...cure.split('\n').map((line) => `    ${line}`),
    ]),
  );
  const left =
    config === null ? ' (no broker.toml: namespace, grants, secrets and limits were not looked at)' : '';
  const errors = countOf(reports, 'error');
  const notes = countOf(reports, 'note');
  return `${[...lines, `${reports.length} checked, ${errors} errors, ${notes} notes${left}`].join('\n')}\n`;
}
