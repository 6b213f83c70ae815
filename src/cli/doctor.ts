import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type Config, loadConfig, processEnv } from '../config.ts';
import { BrokerError } from '../errors.ts';
import { createSandbox } from '../sandbox/sandbox.ts';
import { roleSql } from '../tasker/role/role-sql.ts';
import { examineDatabase } from './doctor/database.ts';
import { examineGrants } from './doctor/grants.ts';
import { examineHandlers } from './doctor/handlers.ts';
import type { DoctorLine } from './doctor/line.ts';
import { examineSecrets } from './doctor/secrets.ts';
import { examineTemplates } from './doctor/templates.ts';
import { renderTable } from './render/table.ts';

interface DoctorOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly sql?: boolean;
  readonly role: string;
}

const DEFAULT_CONFIG = 'broker.toml';
const NODE_OLDEST_MAJOR = 26;

/** `wasm-broker doctor`: everything a broker needs, looked at without starting one. Changes nothing. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'look at Node, database, rights, queues, handlers, grants, secrets and templates; change nothing',
    )
    .option('--config <file>', `configuration (default: ${DEFAULT_CONFIG}, if it is here)`)
    .option('--json', 'print one JSON object')
    .option('--sql', 'print the SQL of a least-privilege role and of the one-time setup instead')
    .option('--role <name>', 'name of that role', 'wasm_broker')
    .action(async (options: DoctorOptions) => {
      const file = options.config ?? (existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : undefined);
      const config = loadConfig({ ...(file !== undefined && { file }), env: processEnv() });
      if (options.sql === true) {
        process.stdout.write(
          roleSql({ role: checkedRole(options.role), namespace: config.worker.namespace }),
        );
        return;
      }
      const lines = await examine(config, file);
      process.stdout.write(options.json === true ? jsonReport(lines) : textReport(lines));
      process.exitCode = lines.some(({ status }) => status === 'error') ? 1 : 0;
    });
}

/** A name that is one identifier and nothing else, wherever it is printed. */
function checkedRole(role: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(role)) return role;
  throw new BrokerError(
    'ERR_USAGE',
    '--role: expected at most 63 letters, digits, _ and -, not starting with a digit',
  );
}

async function examine(config: Config, file: string | undefined): Promise<readonly DoctorLine[]> {
  const sandbox = createSandbox({ lanes: 1, limits: config.limits });
  try {
    const { lines, entries } = await examineHandlers(config, sandbox);
    return [
      nodeLine(),
      {
        area: 'config',
        subject: file ?? 'defaults',
        status: 'ok',
        detail: `namespace ${config.worker.namespace}`,
      },
      ...(await examineDatabase(config)),
      ...lines,
      ...examineGrants(config, entries),
      ...(await examineSecrets(config, processEnv())),
      ...(await examineTemplates(config, entries)),
    ];
  } finally {
    await sandbox.close();
  }
}

function nodeLine(): DoctorLine {
  const { node } = process.versions;
  const old = Number.parseInt(node, 10) < NODE_OLDEST_MAJOR;
  const detail = old ? `expected Node ${NODE_OLDEST_MAJOR} or later` : `${process.platform} ${process.arch}`;
  return { area: 'node', subject: `Node ${node}`, status: old ? 'error' : 'ok', detail };
}

function jsonReport(lines: readonly DoctorLine[]): string {
  return `${JSON.stringify({ healthy: !lines.some(({ status }) => status === 'error'), lines })}\n`;
}

function textReport(lines: readonly DoctorLine[]): string {
  const rows = lines.map(({ area, subject, status, detail }) => [status, area, subject, detail]);
  const count = (wanted: DoctorLine['status']) => lines.filter(({ status }) => status === wanted).length;
  const table = renderTable(['', 'area', 'what', 'detail'], rows);
  return `${table}\n\n${count('ok')} ok, ${count('warning')} warnings, ${count('error')} errors\n`;
}
