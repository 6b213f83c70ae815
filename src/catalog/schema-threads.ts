import { Piscina } from 'piscina';
import type { JsonValue } from '../model/json.ts';
import { type AnySchemaCheck, type SchemaCheck, type SchemaFault, TOO_DEEP } from './json-schema.ts';
import type { SchemaAnswer, SchemaTask } from './schema-thread.ts';

/** How long checking one value may take, while its step waits. */
const SCHEMA_CHECK_MS = 1000;
/** How long compiling a schema may take: once for each handler, and a busy machine must not refuse one. */
const SCHEMA_COMPILE_MS = 10_000;
const HEAP_MB = 64;
/** A thread that nobody needs ends after this time. */
const IDLE_MS = 5000;

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './schema-thread.ts' : './schema-thread.js',
  import.meta.url,
);

/** Steps of a check that are made in place, a tenth of a second at worst. */
const STEPS_IN_PLACE_MAX = 2_000_000;
/** A text of so many characters counts as another node. */
const NODE_CHARS = 64;

/** A check with a bound: in place while value and schema together are small, else as `checkApart`. */
export function checkNearby(schema: string, steps: number, inPlace: SchemaCheck): AnySchemaCheck {
  const nodesMax = STEPS_IN_PLACE_MAX / steps;
  return (value) => (hasMoreNodes(value, nodesMax) ? checkApart(schema, value) : inPlace(value));
}

/** Never recurses, whatever the depth. */
function hasMoreNodes(root: JsonValue, most: number): boolean {
  const open: JsonValue[] = [root];
  let nodes = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    nodes += 1 + (typeof next === 'string' ? Math.floor(next.length / NODE_CHARS) : 0);
    if (nodes > most) return true;
    if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) open.push(inner);
  }
  return false;
}

/** Why a schema does not compile (in time), or null. */
export async function compileApart(schema: string): Promise<string | null> {
  const answer = await inTurn({ schema, value: null }, SCHEMA_COMPILE_MS);
  if (answer === null) return `it takes longer than ${SCHEMA_COMPILE_MS} ms to compile`;
  return 'broken' in answer ? answer.broken : null;
}

/** What `value` violates of a schema that compiles; a check that takes too long is a violation. */
export async function checkApart(schema: string, value: JsonValue): Promise<readonly SchemaFault[]> {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    return [TOO_DEEP];
  }
  const answer = await inTurn({ schema, value: text }, SCHEMA_CHECK_MS);
  if (answer === null) return [{ path: [], message: `cannot be checked within ${SCHEMA_CHECK_MS} ms` }];
  return 'broken' in answer ? [{ path: [], message: answer.broken }] : answer.faults;
}

let pool: Piscina | null = null;
let lastTurn: Promise<unknown> = Promise.resolve();
let warm = false;

/** One task at a time, so that its time is its own. Null: it took too long and its thread was ended. */
function inTurn(task: SchemaTask, limitMs: number): Promise<SchemaAnswer | null> {
  const turn = lastTurn.then(() => run(task, limitMs));
  lastTurn = turn.catch(() => {});
  return turn;
}

async function run(task: SchemaTask, limitMs: number): Promise<SchemaAnswer | null> {
  pool ??= new Piscina({
    filename: ENTRY.href,
    minThreads: 0,
    maxThreads: 1,
    concurrentTasksPerWorker: 1,
    idleTimeout: IDLE_MS,
    env: {},
    execArgv: [],
    argv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  // A thread's start is not the schema's fault.
  if (!warm || pool.threads.length === 0)
    await pool.run({ schema: 'true', value: null } satisfies SchemaTask);
  warm = true;
  const expiry = new AbortController();
  const timer = setTimeout(() => expiry.abort(), limitMs);
  try {
    return (await pool.run(task, { signal: expiry.signal })) as SchemaAnswer;
  } catch {
    // Ended by the time, or by the bound of its heap.
    warm = false;
    return null;
  } finally {
    clearTimeout(timer);
  }
}
