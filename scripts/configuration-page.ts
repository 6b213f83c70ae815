import * as z from 'zod';
import { Config } from '../src/config.ts';
import {
  CacheGrant,
  HttpGrant,
  LogGrant,
  SecretGrant,
  SecretReadGrant,
  TimeGrant,
  WaitGrant,
} from '../src/model/grant.ts';
import { DEFAULT_LIMITS, Limits } from '../src/model/limits.ts';

interface Property {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: Property;
  readonly anyOf?: readonly Property[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Property>>;
}

/** docs/configuration.md, from the schema that reads broker.toml. */
export function renderConfigurationPage(): string {
  const config = schemaOf(Config);
  const section = (name: string) => table(rowsOf(config.properties?.[name] ?? {}, `${name}.`));
  const limits = rowsOf(schemaOf(Limits), 'limits.').map((row) => ({
    ...row,
    default: code(DEFAULT_LIMITS[row.key.replace('limits.', '') as keyof typeof DEFAULT_LIMITS]),
  }));
  const grant = (schema: z.ZodType) => table(rowsOf(schemaOf(schema), ''));
  return `# Configuration

\`wasm-broker serve --config broker.toml\`. Generated from the schema by \`node scripts/docs.ts\`; unknown keys are errors.
A string that is exactly \`\${env.NAME}\` is replaced by that environment variable.

## [database]

${section('database')}

## [worker]

${section('worker')}

## [admin]

${section('admin')}

## [catalog]

${section('catalog')}

## [isolation]

${section('isolation')}

## [limits]

Ceilings for every invocation. A handler's manifest and a step's \`$broker.limits\` can lower them, nothing can raise
them, and none can be switched off.

${table(limits)}

## [[grants.HANDLER]]

What a handler may do, by its name; \`*\` applies to every handler. What applies to a step is the intersection of what the
handler's manifest requests, what stands here, and what the step's \`$broker.grants\` narrows it to. An empty list means
nothing.

### capability = "http"

${grant(HttpGrant)}

### capability = "secret"

${grant(SecretGrant)}

### capability = "secret_read"

${grant(SecretReadGrant)}

### capability = "log"

${grant(LogGrant)}

### capability = "time"

${grant(TimeGrant)}

### capability = "wait"

${grant(WaitGrant)}

### capability = "random"

No scope.

### capability = "cache"

${grant(CacheGrant)}

## [secrets.NAME]

Where the value comes from: exactly one place, read at every use.

| keys | place |
|---|---|
| \`env\` | an environment variable; where only \`NAME_FILE\` is set, the file it names |
| \`file\` | a file; one trailing line break is dropped |
| \`directory\`, \`key\` | a file in a folder, \`key\` or the secret's name |
| \`vault\`, \`key\` | an entry of the Vault's KV engine, and the field in it: \`key\` or the secret's name |

## [cache]

${section('cache')}

## [tape]

${section('tape')}

## [vault]

${section('vault')}

## [log]

${section('log')}
`;
}

interface Row {
  readonly key: string;
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
}

function schemaOf(schema: z.ZodType): Property {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Property;
}

function rowsOf(schema: Property, prefix: string): Row[] {
  return Object.entries(schema.properties ?? {}).map(([key, property]) => ({
    key: `${prefix}${key}`,
    type: typeOf(property),
    default: property.default === undefined ? '' : code(property.default),
    meaning: property.description ?? '',
  }));
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => `| \`${row.key}\` | ${row.type} | ${row.default} | ${row.meaning} |`);
  return ['| key | type | default | meaning |', '|---|---|---|---|', ...lines].join('\n');
}

function typeOf(property: Property): string {
  if (property.const !== undefined) return code(property.const);
  if (property.enum !== undefined) return property.enum.map(code).join(', ');
  if (property.anyOf !== undefined) return property.anyOf.map(typeOf).join(' or ');
  if (property.type === 'array') return `list of ${typeOf(property.items ?? {})}`;
  if (property.type === 'integer') return rangeOf(property);
  return property.type ?? 'any';
}

function rangeOf({ minimum, maximum }: Property): string {
  const from = minimum === undefined || minimum < 0 ? 1 : minimum;
  return maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER
    ? 'integer'
    : `integer ${from}–${maximum}`;
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
