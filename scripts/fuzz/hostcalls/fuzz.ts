import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ECHO_TEXT } from '../../../src/attack/guests/text.ts';
import { loadAssembler } from '../../../src/attack/target/assemble.ts';
import { ERROR_CODES } from '../../../src/errors.ts';
import { createHandlerCache } from '../../../src/host/cache/handler-cache.ts';
import { dialTcp } from '../../../src/host/egress/connection.ts';
import { createHttpClient } from '../../../src/host/egress/http-client.ts';
import { createSecretSource } from '../../../src/host/secrets/secret-source.ts';
import type { GrantInput } from '../../../src/model/grant.ts';
import type { Outcome } from '../../../src/model/outcome.ts';
import { type Artifact, createSandbox, type Sandbox } from '../../../src/sandbox/index.ts';
import { randomFrom } from '../random.ts';
import { poisonGuest, REPLAY_GUEST } from './replay-guest.ts';
import { FUZZ_LIMITS, type Script, someScript } from './script.ts';

export interface HostCallFuzzResult {
  readonly calls: number;
  readonly invocations: number;
  /** Invocations by how they ended. */
  readonly ends: Readonly<Record<string, number>>;
  /** Requests that a server got. */
  readonly requests: number;
}

/** Invocations that are in flight on one lane, neighbours included. */
const AT_ONCE = 32;
const POISON = 'poison-of-a-neighbour/';

const GRANTS: readonly GrantInput[] = [
  { capability: 'log' },
  { capability: 'time', advance: true },
  { capability: 'random' },
  { capability: 'wait', timeout_ms: 1000 },
  { capability: 'cache', ttl_ms: 1000 },
  { capability: 'secret_read', names: ['KEY'] },
  { capability: 'http', schemes: ['http'], hosts: ['*'], ports: [80], methods: ['GET', 'POST'] },
];

/**
 * Makes at least `count` calls of guests to the host. Throws when one ends otherwise than docs/host-calls.md says, when what
 * leaves has bytes of a neighbour, and when a lane is lost.
 */
export async function fuzzHostCalls({
  count,
  seed,
}: {
  readonly count: number;
  readonly seed: number;
}): Promise<HostCallFuzzResult> {
  const random = randomFrom(seed);
  const ends: Record<string, number> = {};
  const total = { calls: 0, invocations: 0, requests: 0 };
  await using world = await openWorld((bytes) => {
    total.requests += 1;
    if (bytes.includes(POISON)) throw new Error('a request has bytes of a neighbour');
  });
  while (total.calls < count) {
    const scripts = Array.from({ length: AT_ONCE - 2 }, () => someScript(random));
    const outcomes = await Promise.all([
      ...scripts.map((script) => world.run(script)),
      world.runPoison(),
      world.runPoison(),
    ]);
    for (const [at, script] of scripts.entries()) {
      const end = endOf(outcomes[at]);
      if (!script.ends.includes(end))
        throw new Error(`expected ${script.ends.join(' or ')}, got ${describe(outcomes[at])}`);
      ends[end] = (ends[end] ?? 0) + 1;
      total.calls += script.calls;
    }
    total.invocations += scripts.length;
    await world.checkGood();
  }
  return { ...total, ends };
}

function endOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'nothing';
  return 'code' in outcome ? outcome.code : outcome.kind;
}

function describe(outcome: Outcome | undefined): string {
  return outcome !== undefined && 'message' in outcome
    ? `${outcome.kind} ${outcome.message}`
    : endOf(outcome);
}

interface World extends AsyncDisposable {
  run(script: Script): Promise<Outcome>;
  runPoison(): Promise<Outcome>;
  /** The lane still runs others rightly. */
  checkGood(): Promise<void>;
}

async function openWorld(onRequest: (bytes: string) => void): Promise<World> {
  const lost: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('latin1');
      if (request.url !== '/poison') onRequest(`${request.url}${JSON.stringify(request.headers)}${body}`);
      response.end('x'.repeat(body.length + 10));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const http = createHttpClient({
    resolve: async (name) => [{ address: name === 'inside.test' ? '10.0.0.1' : '93.184.215.14', family: 4 }],
    dial: (_address, _port, signal) => dialTcp('127.0.0.1', port, signal),
  });
  const sandbox = createSandbox({
    lanes: 1,
    inFlightPerLane: AT_ONCE,
    limits: { ...FUZZ_LIMITS, fuel: 1e13, wall_ms: 120_000 },
    host: {
      http,
      secrets: createSecretSource({ KEY: { env: 'KEY' } }, { KEY: 'value-of-the-key' }),
      cache: createHandlerCache({ maxBytes: 1_000_000, maxHandlers: 4 }),
    },
    onLaneLost: (_, reason) => lost.push(reason),
  });
  const guests = await admitGuests(sandbox);
  const checked = async (outcome: Promise<Outcome>, logs: readonly string[]): Promise<Outcome> => {
    const ended = await outcome;
    if (lost.length > 0) throw new Error(`a lane was lost: ${lost.join(', ')}`);
    if (JSON.stringify([ended, logs]).includes(POISON)) throw new Error('what left has bytes of a neighbour');
    if ('code' in ended && ended.code !== 'own' && !Object.hasOwn(ERROR_CODES, ended.code)) {
      throw new Error(`${ended.code} is not documented`);
    }
    return ended;
  };
  return {
    run({ input }) {
      const logs: string[] = [];
      const onLog = (_level: string, message: string) => void logs.push(message);
      return checked(sandbox.execute(guests.replay, { input, grants: GRANTS, onLog }), logs);
    },
    runPoison: () => sandbox.execute(guests.poison, { input: JSON.stringify(POISON), grants: GRANTS }),
    async checkGood() {
      const input = '{"still":"served"}';
      const good = await sandbox.execute(guests.echo, { input });
      if (good.kind !== 'completed' || good.output !== input)
        throw new Error(`a good guest: ${describe(good)}`);
    },
    async [Symbol.asyncDispose]() {
      await sandbox.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function admitGuests(
  sandbox: Sandbox,
): Promise<{ readonly replay: Artifact; readonly poison: Artifact; readonly echo: Artifact }> {
  const assemble = await loadAssembler([]);
  const admit = async (wat: string) => sandbox.admit(await assemble({ wat }));
  const [replay, poison, echo] = await Promise.all([REPLAY_GUEST, poisonGuest(POISON), ECHO_TEXT].map(admit));
  if (replay === undefined || poison === undefined || echo === undefined)
    throw new Error('expected three guests');
  return { replay, poison, echo };
}
