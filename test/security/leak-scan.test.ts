import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../src/host/egress/http-client.ts';
import { createSecretSource } from '../../src/host/secrets/secret-source.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { guest, type ImportName, text } from '../guests/wat.ts';
import { frameOf, grantFor, MARK, secretRef } from '../host/support/guest.ts';
import { startServer, type TestServer } from '../host/support/web.ts';

/*
 * Threat: a server hands a secret back in a form that no search of the answer finds, and the guest puts it together.
 * Here the answer has one byte too many in the middle, which the guest takes out.
 */

const VALUE = 'k3y-w1th "quotes" & ünder_score';
const FORMS: readonly (readonly [how: string, form: string])[] = [
  ['as it is', VALUE],
  ['in base64', Buffer.from(VALUE).toString('base64')],
  ['in hexadecimal', Buffer.from(VALUE).toString('hex')],
  ['URL-encoded', encodeURIComponent(VALUE)],
  ['reversed', [...VALUE].reverse().join('')],
];

let server: TestServer;
let sandbox: Sandbox;
let answer = '';

beforeAll(async () => {
  server = await startServer((_, response) => void response.end(answer));
  const secrets = createSecretSource({ TOKEN: { env: 'TOKEN' } }, { TOKEN: VALUE });
  sandbox = createSandbox({ host: { http: createHttpClient(), secrets } });
});
afterAll(async () => {
  await sandbox.close();
  await server[Symbol.asyncDispose]();
});

/** Runs a guest that sends the secret, mends the server's `content` and hands it to `call`. */
async function handBack(call: ImportName, content: string, useSecret = true) {
  const bytes = Buffer.from(content);
  const middle = bytes.byteLength >> 1;
  answer = Buffer.concat([bytes.subarray(0, middle), Buffer.from('|'), bytes.subarray(middle)]).toString();
  const url = `http://127.0.0.1:${server.port}/`;
  const request = frameOf({ url, method: 'POST' }, useSecret ? secretRef('TOKEN') : '-');
  const frame = text(16, Buffer.from(request).toString('utf8'));
  const passed = `${call === 'log' ? '(i32.const 1)' : ''} (i32.const 8192) (i32.const ${bytes.byteLength})`;
  const module = guest({
    imports: ['http_request', 'result_read', 'output_write', call],
    fields: frame.field,
    body: `(local $body i32)
      (drop (call $http_request ${frame.args}))
      (call $result_read (i32.const 4096))
      (local.set $body (i32.add (i32.const 4100) (i32.load (i32.const 4096))))
      (memory.copy (i32.const 8192) (local.get $body) (i32.const ${middle}))
      (memory.copy (i32.const ${8192 + middle}) (i32.add (local.get $body) (i32.const ${middle + 1}))
        (i32.const ${bytes.byteLength - middle}))
      (call $output_write (i32.const 0) (i32.const 1))
      (call $${call} ${passed})
      (i32.const 0)`,
  });
  const logs: string[] = [];
  const outcome = await sandbox.execute(await sandbox.admit(module), {
    input: '{}',
    grants: [
      grantFor(server.port, { methods: ['POST'] }),
      { capability: 'secret', names: ['TOKEN'], hosts: ['127.0.0.1'], plain_http: true },
      { capability: 'log' },
      { capability: 'wait', timeout_ms: 1000 },
    ],
    secretMark: MARK,
    onLog: (_, message) => logs.push(message),
  });
  return { outcome, logs, everything: JSON.stringify({ outcome, logs }) };
}

describe.each(FORMS)('a value that a guest put together, %s,', (_, form) => {
  it('withholds an output that has it', async () => {
    const { outcome, everything } = await handBack('output_write', JSON.stringify({ got: `<${form}>` }));
    expect(outcome).toMatchObject({ kind: 'failed', code: 'ERR_SECRET_LEAK', retryable: false });
    expect(outcome.kind === 'failed' && outcome.message).toContain('secret TOKEN');
    expect(outcome.receipt.output_sha256).toBeNull();
    expect(everything).not.toContain(JSON.stringify(form).slice(1, -1));
  });

  it('withholds a checkpoint or a question to a person that has it', async () => {
    const checkpoint = await handBack('checkpoint', JSON.stringify({ cursor: form, items_processed: 1 }));
    expect(checkpoint.outcome).toMatchObject({ kind: 'failed', code: 'ERR_SECRET_LEAK' });
    const wait = await handBack('wait', JSON.stringify({ reason: form, timeout_ms: 1000 }));
    expect(wait.outcome).toMatchObject({ kind: 'failed', code: 'ERR_SECRET_LEAK' });
    expect(checkpoint.everything + wait.everything).not.toContain(JSON.stringify(form).slice(1, -1));
  });

  it('is masked in a log line and in the message of a failure', async () => {
    const logged = await handBack('log', `got ${form}!`);
    expect(logged.logs).toEqual(['got [secret TOKEN]!']);
    const failed = await handBack('fail', JSON.stringify({ code: 'no', message: `got ${form}!` }));
    expect(failed.outcome).toMatchObject({ kind: 'failed', code: 'no' });
    expect(failed.everything).toContain('[secret TOKEN]');
    expect(failed.everything + logged.everything).not.toContain(JSON.stringify(form).slice(1, -1));
  });
});

describe('the leak scan', () => {
  it('reads JSON as the database will: escapes hide nothing', async () => {
    const escaped = [...VALUE].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
    const { outcome } = await handBack('output_write', `"${escaped.join('')}"`);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'ERR_SECRET_LEAK' });
  });

  it('looks only for secrets that the invocation used', async () => {
    const { outcome } = await handBack('output_write', JSON.stringify(VALUE), false);
    expect(outcome).toMatchObject({ kind: 'completed', output: JSON.stringify(VALUE) });
  });
});
