import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'smol-toml';
import * as z from 'zod';
import { BrokerError, messageOf } from './errors.ts';
import { Grants } from './model/grant.ts';
import { completeLimits, type Limits, PartialLimits } from './model/limits.ts';
import { describeIssues } from './model/parse.ts';
import { POOL_KEYS } from './model/settings.ts';
import { TIERS } from './model/tier.ts';

/*
 * The schema of broker.toml and the only reader of the environment. A string that is exactly `${env.NAME}` is replaced
 * by that variable, so that a file can be committed without the values of one machine.
 */

const handlerName = z.string().regex(/^(\*|[a-z][a-z0-9_]*)$/, 'expected a handler name or "*"');

const EnvPlace = z.strictObject({
  env: z.string().min(1).describe('Environment variable that holds the value.'),
});
const FilePlace = z.strictObject({
  file: z.string().min(1).describe('File that holds the value; one trailing line break is dropped.'),
});
/** A file name that cannot leave its folder. */
const key = z
  .string()
  .regex(/^(?!\.)[A-Za-z0-9_.-]+$/, 'expected a name of letters, digits, "_", "-" and "."')
  .optional()
  .describe("File or field; the secret's own name if left out.");

/** Where a secret's value comes from: exactly one place. */
const Secret = z.union([
  EnvPlace,
  FilePlace,
  z.strictObject({ directory: z.string().min(1).describe('Folder with a file for each secret.'), key }),
  z.strictObject({ vault: z.string().min(1).describe('Path of an entry in the Vault of [vault].'), key }),
]);

export const Config = z.strictObject({
  database: z
    .strictObject({
      url: z.string().optional().describe('PostgreSQL 18 with PGMQ that Tasker uses. Default: DATABASE_URL.'),
      ca_file: z
        .string()
        .optional()
        .describe('PEM file with the CA of the server. With it TLS is on, and host and chain are verified.'),
      allow_newer: z
        .boolean()
        .default(false)
        .describe('Run on a Tasker schema with migrations newer than this broker knows, if all else fits.'),
    })
    .prefault({}),
  worker: z
    .strictObject({
      namespace: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,28}$/, 'expected 1 to 29 letters, digits and underscores')
        .default('wasm')
        .describe('Tasker namespace whose steps this broker runs.'),
      ...POOL_KEYS,
      poll_ms: z
        .int()
        .min(10)
        .max(60_000)
        .default(500)
        .describe('How often the queue is read without a notification.'),
      visibility_timeout_s: z
        .int()
        .min(1)
        .max(3600)
        .default(30)
        .describe('How long a message that was read stays hidden.'),
      drain_grace_ms: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(25_000)
        .describe('After SIGTERM: how long steps may run on before they are broken off and given back.'),
      templates: z.array(z.string()).default([]).describe('Template files or folders, registered at start.'),
    })
    .prefault({}),
  admin: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe('Serve `/livez` and `/readyz`, and `/v1` if there is a token.'),
      host: z.string().default('127.0.0.1').describe('Address to listen on.'),
      port: z.int().min(0).max(65535).default(8089).describe('Port to listen on; 0 takes a free one.'),
      token: z
        .string()
        .min(16)
        .optional()
        .describe('Bearer token of `/v1`, best as `${env.NAME}`. Without it `/v1` is not served.'),
    })
    .prefault({}),
  catalog: z
    .strictObject({
      folders: z.array(z.string()).default([]).describe('Folders of handlers, beside the built-in catalog.'),
      builtin: z.boolean().default(true).describe('Serve the handlers that come with the package.'),
    })
    .prefault({}),
  isolation: z
    .strictObject({
      tier: z
        .enum(TIERS)
        .default('thread')
        .describe('Where guests run: in threads of the broker, or in processes of their own (SECURITY.md).'),
      components: z
        .enum(TIERS)
        .default('process')
        .describe(
          'The tier of components. Their modules are linked by JavaScript that is written for each of them: `thread` brings that into the broker’s process.',
        ),
      handlers: z
        .record(handlerName, z.enum(TIERS))
        .default({})
        .describe('The tier of single handlers, by name.'),
      recycle_after: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(10_000)
        .describe('Steps after which a process is replaced by a new one.'),
      first_uid: z
        .int()
        .min(0)
        .max(2_000_000_000)
        .default(61_184)
        .describe(
          'When the broker is root: first of 4,096 user and group ids, one for each process; 0 keeps root.',
        ),
    })
    .prefault({}),
  limits: PartialLimits.default({}).describe('Ceilings for every invocation.'),
  grants: z
    .record(handlerName, Grants)
    .default({})
    .describe('What each handler may do, by handler name; `*` applies to every handler.'),
  secrets: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a name such as API_TOKEN'), Secret)
    .default({})
    .describe('Secrets by name.'),
  cache: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Let handlers with the grant `cache` keep values from one step to the next.'),
      max_bytes: z
        .int()
        .min(1024)
        .max(1024 ** 3)
        .default(1024 * 1024)
        .describe('Bytes that one handler may keep in one namespace.'),
      max_handlers: z.int().min(1).max(10_000).default(64).describe('Handlers that may keep values at once.'),
    })
    .prefault({}),
  tape: z
    .strictObject({
      folder: z
        .string()
        .min(1)
        .optional()
        .describe('Where tapes of invocations are written; made if it is not there.'),
      rate: z.number().min(0).max(1).default(0).describe('Share of invocations that is recorded; 1 = all.'),
      max_files: z.int().min(1).max(1_000_000).default(1000).describe('Tapes that are kept; the oldest go.'),
    })
    .refine(({ folder, rate }) => rate === 0 || folder !== undefined, 'a rate needs a folder')
    .prefault({}),
  vault: z
    .strictObject({
      address: z.url({ protocol: /^https?$/ }).describe('Address of a HashiCorp Vault or OpenBao.'),
      mount: z.string().min(1).default('secret').describe('Mount of the KV engine, version 2.'),
      namespace: z.string().min(1).optional().describe('Namespace, where there are several.'),
      token: z.union([EnvPlace, FilePlace]).describe('Where its token is: `{ env = … }` or `{ file = … }`.'),
    })
    .optional(),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least severe line that is written.'),
    })
    .prefault({}),
});

/** broker.toml as it applies: defaults filled, limits complete, paths absolute. */
export interface Config extends Readonly<Omit<z.output<typeof Config>, 'limits'>> {
  readonly limits: Limits;
}

export interface LoadConfigOptions {
  /** broker.toml; without it the defaults apply. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads and checks the configuration. Throws `ERR_CONFIG_INVALID` naming file, key, expected and got. */
export function loadConfig({ file, env }: LoadConfigOptions): Config {
  const raw = file === undefined ? {} : readToml(file);
  const parsed = Config.safeParse(substituteEnv(raw, env, file ?? 'broker.toml'));
  if (!parsed.success) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      `${file ?? 'configuration'}: ${describeIssues(parsed.error)}`,
    );
  }
  requireVault(parsed.data, file ?? 'configuration');
  const folder = file === undefined ? process.cwd() : dirname(resolve(file));
  const { database, worker, catalog, tape, limits } = parsed.data;
  const url = database.url ?? env['DATABASE_URL'];
  const config: Config = {
    ...parsed.data,
    database: {
      ...database,
      ...(url !== undefined && { url }),
      ...(database.ca_file !== undefined && { ca_file: resolve(folder, database.ca_file) }),
    },
    worker: { ...worker, templates: worker.templates.map((path) => resolve(folder, path)) },
    tape: tape.folder === undefined ? tape : { ...tape, folder: resolve(folder, tape.folder) },
    catalog: { ...catalog, folders: catalog.folders.map((path) => resolve(folder, path)) },
    limits: completeLimits(limits),
  };
  return Object.freeze(config);
}

function requireVault({ secrets, vault }: z.output<typeof Config>, file: string): void {
  const name = Object.keys(secrets).find((secret) => 'vault' in (secrets[secret] ?? {}));
  if (name === undefined || vault !== undefined) return;
  throw new BrokerError(
    'ERR_CONFIG_INVALID',
    `${file}: secrets.${name} is in a Vault, but there is no [vault]`,
  );
}

function readToml(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new BrokerError('ERR_CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

const ENV_REFERENCE = /^\$\{env\.([A-Za-z_][A-Za-z0-9_]*)\}$/;

function substituteEnv(value: unknown, env: LoadConfigOptions['env'], file: string): unknown {
  if (Array.isArray(value)) return value.map((item) => substituteEnv(item, env, file));
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, substituteEnv(item, env, file)]),
    );
  }
  const name = typeof value === 'string' ? ENV_REFERENCE.exec(value)?.[1] : undefined;
  if (name === undefined) return value;
  const found = env[name];
  if (found === undefined) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      `${file}: \${env.${name}} is used, but the variable ${name} is not set`,
    );
  }
  // A whole number in the environment may stand where the schema wants a number (a port).
  return /^\d{1,15}$/.test(found) ? Number(found) : found;
}

/** The environment of this process, for those who pass it on. Nothing else reads `process.env`. */
export function processEnv(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
