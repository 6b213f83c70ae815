import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpClient } from '../../src/host/egress/http-client.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { Tier } from '../../src/model/tier.ts';
import {
  createSandbox,
  type ExecuteOptions,
  type Sandbox,
  type SandboxOptions,
} from '../../src/sandbox/sandbox.ts';
import { caller, callGrant } from '../../test/guests/calls.ts';
import { answer, componentGuest } from '../../test/guests/component.ts';
import { plainGuest } from '../../test/guests/plain.ts';
import { ECHO, ENDLESS, guest } from '../../test/guests/wat.ts';

/** One kind of invocation, and how it has to end. */
export interface Kind {
  readonly name: string;
  /** Runs number `n` of its kind. */
  run(n: number): Promise<Outcome>;
  /** Null when the outcome is right; otherwise what is wrong with it. */
  fault(n: number, outcome: Outcome): string | null;
  /** Requests that it makes. */
  readonly calls: number;
}

export interface Workload {
  readonly sandbox: Sandbox;
  readonly kinds: readonly Kind[];
  /** Requests that arrived at the server. */
  readonly requests: number;
  close(): Promise<void>;
}

const FUEL = 200_000;

interface Guest {
  readonly bytes: Uint8Array;
  readonly calls?: number;
  readonly options?: (n: number) => Partial<ExecuteOptions>;
  readonly right: (n: number, outcome: Outcome) => boolean;
}

/** Guests that end in every way, in both tiers, behind one sandbox, with a server on loopback to call. */
export async function startWorkload(options: SandboxOptions): Promise<Workload> {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.end('{}');
  });
  // A starved machine must not make it close a connection in the moment that a request is sent over it.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sandbox = createSandbox({
    ...options,
    tier: (handler) => (handler.startsWith('process') ? 'process' : 'thread'),
    host: { http: createHttpClient(), secrets: { get: async () => null } },
  });
  const kinds: Kind[] = [];
  for (const [name, kind] of Object.entries({ ...guests(port), ...(await otherKinds()) })) {
    const artifact = await sandbox.admit(kind.bytes);
    for (const tier of ['thread', 'process'] satisfies Tier[]) {
      kinds.push({
        name: `${tier} ${name}`,
        calls: kind.calls ?? 0,
        run: (n) =>
          sandbox.execute(artifact, { input: String(n), handler: `${tier}_${name}`, ...kind.options?.(n) }),
        fault: (n, outcome) =>
          kind.right(n, outcome) ? null : `${tier} ${name} ${n}: ${describeOutcome(outcome)}`,
      });
    }
  }
  return {
    sandbox,
    kinds,
    get requests() {
      return requests;
    },
    async close() {
      await sandbox.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function guests(port: number): Readonly<Record<string, Guest>> {
  const grants = [callGrant(port)];
  return {
    echo: {
      bytes: ECHO,
      right: (n, outcome) => outcome.kind === 'completed' && outcome.output === String(n),
    },
    calling: {
      bytes: caller(port, 2),
      calls: 2,
      options: () => ({ grants }),
      right: (_, outcome) =>
        outcome.kind === 'completed' && outcome.output === '2' && outcome.usage.hostCalls === 2,
    },
    endless: {
      bytes: ENDLESS,
      options: () => ({ limits: { fuel: FUEL } }),
      right: (_, outcome) => outcome.kind === 'exhausted' && outcome.code === 'ERR_LIMIT_FUEL',
    },
    trapping: {
      bytes: guest({ pages: '1 16', body: '(drop (memory.grow (i32.const 4))) (unreachable)' }),
      right: (_, outcome) => outcome.kind === 'trapped' && outcome.code === 'ERR_GUEST_TRAP',
    },
  };
}

/** The same ends for plain AssemblyScript and for components. */
async function otherKinds(): Promise<Readonly<Record<string, Guest>>> {
  const echoed: Guest['right'] = (n, outcome) => outcome.kind === 'completed' && outcome.output === String(n);
  const pointer: Guest['right'] = (_, outcome) =>
    outcome.kind === 'trapped' && outcome.code === 'ERR_GUEST_POINTER';
  const exhausted: Guest['right'] = (_, outcome) =>
    outcome.kind === 'exhausted' && outcome.code === 'ERR_LIMIT_FUEL';
  const endless = '(loop $again (br $again)) (i32.const 0)';
  const limited = () => ({ limits: { fuel: FUEL } });
  return {
    plain: { bytes: plainGuest({}), right: echoed },
    plain_endless: { bytes: plainGuest({ handle: endless }), options: limited, right: exhausted },
    plain_hostile: { bytes: plainGuest({ handle: '(i32.const -8)' }), right: pointer },
    component: { bytes: await componentGuest({}), right: echoed },
    component_endless: {
      bytes: await componentGuest({ handle: endless }),
      options: limited,
      right: exhausted,
    },
    component_hostile: {
      bytes: await componentGuest({ handle: answer('(i32.const 65530)', '(i32.const 100)') }),
      right: pointer,
    },
  };
}

function describeOutcome(outcome: Outcome): string {
  return outcome.kind === 'completed'
    ? `completed ${outcome.output}`
    : JSON.stringify({ ...outcome, receipt: null });
}

export type Random = (below: number) => number;

/** Numbers that are the same for the same seed. */
export function randomFrom(seed: number): Random {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
