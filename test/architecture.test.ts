import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Which folder or file of src/ may import which other; its own folder is always allowed. `*` = everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  model: ['errors.ts'],
  'events.ts': ['errors.ts', 'model'],
  'log.ts': ['events.ts', 'model'],
  'config.ts': ['errors.ts', 'model'],
  metering: [],
  catalog: ['errors.ts', 'model', 'metering'],
  host: ['errors.ts', 'model'],
  queue: ['errors.ts', 'model'],
  tasker: ['errors.ts', 'model', 'queue'],
  sandbox: ['errors.ts', 'model', 'catalog', 'host'],
  'sandbox/worker': [
    'errors.ts',
    'model',
    'sandbox/batch.ts',
    'sandbox/gathered.ts',
    'sandbox/protocol.ts',
    'sandbox/abi',
  ],
  'sandbox/process': [
    'sandbox/abi',
    'sandbox/batch.ts',
    'sandbox/bytes.ts',
    'sandbox/protocol.ts',
    'sandbox/worker',
  ],
  'sandbox/abi': ['errors.ts', 'model', 'sandbox/protocol.ts'],
  broker: ['errors.ts', 'events.ts', 'model', 'catalog', 'queue', 'sandbox'],
  admin: ['errors.ts', 'model'],
  telemetry: ['errors.ts', 'events.ts'],
  check: ['errors.ts', 'config.ts', 'model', 'catalog', 'sandbox/missing-grant.ts', 'tasker', 'broker'],
  standalone: ['errors.ts', 'model'],
  // Composition like cli: it attacks the broker's parts as they are put together.
  attack: [
    'errors.ts',
    'events.ts',
    'model',
    'catalog',
    'host',
    'queue',
    'sandbox',
    'broker',
    'tasker/outcome-checks.ts',
    'telemetry',
  ],
  cli: ['*'],
  'index.ts': ['*'],
  'testing.ts': ['*'],
};

/** Packages that only one place may import, so that it can be replaced there. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  piscina: ['sandbox/lanes', 'catalog/schema-threads.ts'],
  pg: ['tasker', 'standalone'],
  undici: ['host/egress'],
  'smol-toml': ['config.ts'],
  commander: ['cli'],
  pino: ['log.ts'],
  'prom-client': ['telemetry'],
  wabt: ['attack/target'],
  yaml: ['tasker'],
  fastify: ['admin', 'standalone'],
  ajv: ['catalog'],
  re2js: ['sandbox/abi'],
  '@assemblyscript/loader': ['sandbox/abi'],
  '@bytecodealliance/jco-transpile': ['catalog/admission/component', 'attack/target'],
  'componentize-qjs': ['catalog'],
  'lru-cache': ['host/cache'],
  'assemblyscript/asc': ['catalog'],
};

const SRC = resolve(import.meta.dirname, '../src');

interface Import {
  readonly from: string;
  readonly specifier: string;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((item) => {
    const path = join(folder, item.name);
    if (item.isDirectory()) return sources(path);
    return /\.ts$/.test(item.name) ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s*'([^']+)'/g,
  );
  return [...found].map((match) => ({
    from: relative(SRC, file),
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
  }));
}

/** The most specific row of the table that covers a path below src/. */
function roomOf(path: string): string {
  const rooms = Object.keys(MAY_IMPORT).filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.sort((a, b) => b.length - a.length)[0] ?? path;
}

const covers = (allowed: string, path: string) => path === allowed || path.startsWith(`${allowed}/`);

function layeringFaults(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, specifier }) => {
    const room = roomOf(from);
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) return [`${from}: src/${room} has no row in the table of layers`];
    if (!specifier.startsWith('.')) return packageFaults(from, specifier);
    const target = relative(SRC, resolve(SRC, dirname(from), specifier));
    const fine =
      covers(room, target) || allowed.includes('*') || allowed.some((layer) => covers(layer, target));
    return fine ? [] : [`${from} must not import ${target}`];
  });
}

function packageFaults(from: string, specifier: string): string[] {
  return Object.entries(ONLY_IN).flatMap(([name, places]) =>
    (specifier === name || specifier.startsWith(`${name}/`)) && !places.some((place) => covers(place, from))
      ? [`${from} must not import the package ${name}; only ${places.join(', ')} may`]
      : [],
  );
}

describe('layers', () => {
  const files = sources(SRC);
  const imports = files.flatMap(importsOf);

  it('every import goes down the layers', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(layeringFaults(imports)).toEqual([]);
  });

  it('a planted upward import is found', () => {
    const planted = [
      { from: 'model/limits.ts', specifier: '../broker/broker.ts' },
      { from: 'sandbox/worker/entry.ts', specifier: '../../host/boundary.ts' },
      { from: 'metering/meter.ts', specifier: '../errors.ts' },
      { from: 'broker/broker.ts', specifier: 'pg' },
    ];
    expect(layeringFaults(planted)).toHaveLength(planted.length);
  });

  it('only the boundary performs a host call', () => {
    const callers = files
      .filter((file) => /\.perform\(/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(SRC, file));
    expect(callers).toEqual(['host/boundary.ts']);
  });

  it('only config.ts reads the environment', () => {
    const readers = files
      .filter((file) => /process\.env\b/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(SRC, file));
    expect(readers).toEqual(['config.ts']);
  });

  it('no import cycle exists', () => {
    const edges = new Map<string, string[]>();
    for (const { from, specifier } of imports) {
      if (!specifier.startsWith('.')) continue;
      const target = relative(SRC, resolve(SRC, dirname(from), specifier));
      edges.set(from, [...(edges.get(from) ?? []), target]);
    }
    expect(cycleIn(edges)).toBeNull();
  });

  it('no source file is longer than 400 lines', () => {
    const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 401);
    expect(long.map((file) => relative(SRC, file))).toEqual([]);
  });
});

function cycleIn(edges: ReadonlyMap<string, readonly string[]>): string | null {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(' → ');
    if (done.has(node)) return null;
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle !== null) return cycle;
    }
    done.add(node);
    return null;
  };
  for (const node of edges.keys()) {
    const cycle = visit(node, []);
    if (cycle !== null) return cycle;
  }
  return null;
}
