import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILTIN_FOLDER } from '../../src/catalog/load.ts';
import { COUNTER } from '../guests/counter.ts';
import { ECHO, guest, text } from '../guests/wat.ts';
import { NAMESPACE } from './statements.ts';
import { BROKER_HEADER, type World } from './world.ts';

/** What a broker is started with: configuration, template and handlers in a folder of their own. */
export interface Setup {
  readonly configFile: string;
  remove(): Promise<void>;
}

const RETRY = { max_attempts: 6, backoff: 'none' };
const step = (name: string, callable: string, dependencies: readonly string[], initialization: object) => ({
  name,
  handler: { callable, initialization },
  dependencies,
  retry: RETRY,
});

/**
 * One of each kind of step: `first` calls out, `right` goes on from checkpoint to checkpoint, `gate` waits for a person,
 * and `last` puts together what the others handed on.
 */
export const TEMPLATE = {
  name: 'chaos',
  namespace_name: NAMESPACE,
  version: '1.0.0',
  steps: [
    step('first', 'http_request', [], {
      url: '${task.context.origin}/${task.context.task}',
      headers: { [BROKER_HEADER]: '${secrets.BROKER}' },
    }),
    step('left', 'echo', ['first'], { input: '${steps.first.result.body.answer}' }),
    step('right', 'counter', ['first'], {}),
    step('gate', 'gate', ['left'], {}),
    step('last', 'echo', ['right', 'gate'], {
      input: {
        answer: '${steps.left.result}',
        cursor: '${steps.right.result.checkpoint.cursor}',
        decision: '${steps.gate.result.decision}',
      },
    }),
  ],
};

export async function createSetup(world: World, settings: { readonly graceMs: number }): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'tasker-chaos-setup-'));
  const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content);
  // JSON is YAML.
  await write('template.yaml', JSON.stringify(TEMPLATE));
  await write('broker.toml', brokerToml(world.port, settings.graceMs));
  await cp(join(BUILTIN_FOLDER, 'http_request'), join(folder, 'handlers/http_request'), {
    recursive: true,
    filter: (path) => !path.endsWith('.ts'),
  });
  const wait = text(16, JSON.stringify({ reason: 'may it go on?', timeout_ms: 600_000 }));
  const gate = guest({
    imports: ['wait'],
    fields: wait.field,
    body: `(call $wait ${wait.args}) (unreachable)`,
  });
  for (const [name, bytes] of Object.entries({ echo: ECHO, counter: COUNTER, gate })) {
    await mkdir(join(folder, 'handlers', name));
    const capabilities = name === 'gate' ? [{ capability: 'wait', timeout_ms: 600_000 }] : [];
    const manifest = { name, version: '1.0.0', abi: 'tasker-core/1', capabilities };
    await write(`handlers/${name}/manifest.json`, JSON.stringify(manifest));
    await write(`handlers/${name}/handler.wasm`, bytes);
  }
  return {
    configFile: join(folder, 'broker.toml'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function brokerToml(port: number, graceMs: number): string {
  return `
[worker]
namespace = "${NAMESPACE}"
lanes = 2
in_flight_per_lane = 4
poll_ms = 200
visibility_timeout_s = 1
drain_grace_ms = ${graceMs}
templates = ["template.yaml"]

[catalog]
builtin = false
folders = ["handlers"]

[limits]
http_timeout_ms = 30000

[[grants.http_request]]
capability = "http"
schemes = ["http"]
hosts = ["127.0.0.1"]
ports = [${port}]
methods = ["GET"]
path_prefix = "/"
private_networks = ["127.0.0.0/8"]

[[grants.http_request]]
capability = "secret"
names = ["BROKER"]
hosts = ["127.0.0.1"]
plain_http = true

[secrets.BROKER]
env = "BROKER"

[[grants.gate]]
capability = "wait"
timeout_ms = 600000
`;
}
