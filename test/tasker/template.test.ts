import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTemplate, readTemplates } from '../../src/tasker/read-template.ts';
import { createTaskerQueue, type TaskerQueue } from '../../src/tasker/tasker-queue.ts';
import { createFixture, type Fixture } from './fixture.ts';

const MINIMAL = `
name: hello
namespace_name: wasm_test
version: 1.0.0
steps:
  - name: greet
    handler: { callable: hello.greet }
`;

const parse = (text: string) => {
  const verdict = parseTemplate(text, 'hello.yaml');
  if (!verdict.allowed) throw new Error(verdict.message);
  return verdict.template;
};

const refusal = (text: string): string => {
  const verdict = parseTemplate(text, 'hello.yaml');
  if (verdict.allowed) throw new Error('expected a refusal');
  expect(verdict.code).toBe('ERR_TEMPLATE_INVALID');
  return verdict.message;
};

describe('reading a template', () => {
  it('fills in exactly what Tasker fills in', () => {
    expect(parse(MINIMAL)).toEqual({
      name: 'hello',
      namespace_name: 'wasm_test',
      version: '1.0.0',
      description: null,
      metadata: null,
      system_dependencies: { primary: 'default', secondary: [] },
      domain_events: [],
      input_schema: null,
      steps: [
        {
          name: 'greet',
          description: null,
          handler: { callable: 'hello.greet', method: null, resolver: null, initialization: {} },
          type: 'standard',
          system_dependency: null,
          dependencies: [],
          retry: {
            retryable: true,
            max_attempts: 3,
            backoff: 'exponential',
            backoff_base_ms: 1000,
            max_backoff_ms: 30000,
          },
          timeout_seconds: null,
          publishes_events: [],
          batch_config: null,
        },
      ],
      environments: {},
      lifecycle: null,
    });
  });

  it('leaves the numbers of a retry block that does not give them to Tasker', () => {
    const text = MINIMAL.replace('    handler:', '    retry: { max_attempts: 5 }\n    handler:');
    expect(parse(text).steps[0]?.retry).toEqual({
      retryable: true,
      max_attempts: 5,
      backoff: 'exponential',
      backoff_base_ms: null,
      max_backoff_ms: null,
    });
  });

  it('takes the aliases of Tasker, and drops what Tasker does not know', () => {
    const text = `${MINIMAL}  - name: second
    step_type: decision
    depends_on: [greet]
    handler: { callable: decide, unknown: 1 }
    surprise: true
surprise: true
`;
    const template = parse(text);
    expect(template.steps[1]).toMatchObject({ type: 'decision', dependencies: ['greet'] });
    expect(JSON.stringify(template)).not.toMatch(/surprise|unknown|step_type|depends_on/);
  });

  it('keeps the configuration of a step as it is written', () => {
    const text = MINIMAL.replace(
      '{ callable: hello.greet }',
      `{ callable: x, initialization: { n: 1.50, when: 2026-01-01, yes: yes, ref: "\${task.context.a}", $broker: { limits: { fuel: 1 } } } }`,
    );
    expect(parse(text).steps[0]?.handler.initialization).toEqual({
      n: 1.5,
      when: '2026-01-01',
      yes: 'yes',
      ref: `\${task.context.a}`,
      $broker: { limits: { fuel: 1 } },
    });
  });

  it.each([
    ['a missing field', MINIMAL.replace('version: 1.0.0\n', ''), /^hello\.yaml:2:1: version: /],
    [
      'a version that YAML reads as a number',
      MINIMAL.replace('1.0.0', '1.0'),
      /^hello\.yaml:4:10: version: .*string/,
    ],
    [
      'a namespace without a queue',
      MINIMAL.replace('wasm_test', 'wasm-test'),
      /^hello\.yaml:3:17: namespace_name: .*"wasm-test"/,
    ],
    [
      'a handler without callable',
      MINIMAL.replace('callable', 'call'),
      /^hello\.yaml:7:14: steps\[0\]\.handler\.callable: /,
    ],
    [
      'an unknown step type',
      MINIMAL.replace('    handler', '    type: loop\n    handler'),
      /steps\[0\]\.type/,
    ],
    ['no steps', MINIMAL.slice(0, MINIMAL.indexOf('steps')), /at least one step/],
    [
      'a duplicate step',
      `${MINIMAL}  - { name: greet, handler: { callable: x } }\n`,
      /^hello\.yaml:8:13: steps\[1\]\.name: .*"greet" again/,
    ],
    [
      'an unknown dependency',
      `${MINIMAL}    dependencies: [nobody]\n`,
      /^hello\.yaml:8:20: steps\[0\]\.dependencies\[0\]: .*"nobody"/,
    ],
    ['a step that depends on itself', `${MINIMAL}    dependencies: [greet]\n`, /circle: "greet" → "greet"/],
    [
      'a circle',
      `${MINIMAL}    dependencies: [c]\n  - { name: b, handler: { callable: x }, dependencies: [greet] }\n  - { name: c, handler: { callable: x }, dependencies: [b] }\n`,
      /circle: "greet" → "c" → "b" → "greet"/,
    ],
    [
      'a decision without a dependency',
      `${MINIMAL}    type: decision\n`,
      /decision step "greet" has no dependency/,
    ],
    [
      'an alias beside its field',
      `${MINIMAL}    dependencies: []\n    depends_on: []\n`,
      /either dependencies or depends_on/,
    ],
    ['a number that is not finite', `${MINIMAL}    result_schema: .inf\n`, /finite/],
    ['broken YAML', 'name: [', /^hello\.yaml:1:\d+: expected a template in YAML/],
    ['a repeated key', `${MINIMAL}name: again\n`, /Map keys must be unique/],
    ['a custom tag', MINIMAL.replace('hello\n', '!!js/function x\n'), /^hello\.yaml:2:7: .*[Tt]ag/],
    ['several documents', `${MINIMAL}---\n${MINIMAL}`, /multiple documents/],
    ['nothing', '', /the document/],
    ['a file that is too large', `#${'x'.repeat(256 * 1024)}`, /at most 262144 bytes/],
  ])('refuses %s and says where', (_what, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it('refuses aliases that expand without bound', () => {
    const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`);
    expect(refusal(`l0: &l0 [x]\n${levels.join('\n')}\n`)).toMatch(/alias/i);
  });

  it('refuses nesting without bound', () => {
    expect(refusal(`a: ${'['.repeat(50_000)}`)).toMatch(/^hello\.yaml/);
  });

  it('reports every fault it finds, up to ten', () => {
    const steps = Array.from(
      { length: 15 },
      (_, n) => `  - { name: s${n}, handler: { callable: x }, dependencies: [no] }`,
    );
    const message = refusal(`${MINIMAL}${steps.join('\n')}\n`);
    expect(message.split('\n')).toHaveLength(11);
    expect(message).toContain('and 5 more');
  });

  it('checks thousands of steps in a row', () => {
    const steps = Array.from(
      { length: 2000 },
      (_, n) =>
        `  - {name: s${n}, handler: {callable: x}, dependencies: [${n === 1999 ? 'greet' : `s${n + 1}`}]}`,
    );
    expect(parse(`${MINIMAL}${steps.join('\n')}\n`).steps).toHaveLength(2001);
  });

  it('reads one file, or all below a folder in the order of their names', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'templates-'));
    await mkdir(path.join(folder, 'sub'));
    await writeFile(path.join(folder, 'sub', 'a.yml'), MINIMAL.replace('hello', 'second'));
    await writeFile(path.join(folder, 'b.yaml'), MINIMAL);
    await writeFile(path.join(folder, 'notes.txt'), 'x');
    expect((await readTemplates(folder)).map(({ name }) => name)).toEqual(['hello', 'second']);
    expect(await readTemplates(path.join(folder, 'b.yaml'))).toHaveLength(1);
    await writeFile(path.join(folder, 'c.yaml'), 'name: 1');
    await expect(readTemplates(folder)).rejects.toMatchObject({
      code: 'ERR_TEMPLATE_INVALID',
      message: expect.stringContaining(path.join(folder, 'c.yaml')),
    });
    await expect(readTemplates(path.join(folder, 'absent'))).rejects.toMatchObject({
      code: 'ERR_TEMPLATE_INVALID',
    });
    await rm(folder, { recursive: true });
  });
});

describe('registering a template', () => {
  let fixture: Fixture;
  let queue: TaskerQueue;

  beforeAll(async () => {
    fixture = await createFixture();
    queue = await createTaskerQueue({ databaseUrl: fixture.url, namespace: fixture.namespace });
  });

  afterAll(async () => {
    await queue.close();
    await fixture.close();
  });

  const stored = async () =>
    (
      await fixture.query<{ configuration: unknown; description: string }>(
        `SELECT configuration, description FROM named_tasks WHERE name = 'hello'`,
      )
    )[0];

  it('stores it whole, and does nothing for the same one again', async () => {
    const template = parse(MINIMAL);
    expect(await queue.registerTemplate(template)).toEqual({ allowed: true, stored: true });
    expect((await stored())?.configuration).toEqual(template);
    expect(await queue.registerTemplate(template)).toEqual({ allowed: true, stored: false });
  });

  it('refuses other content under the same version unless it is forced', async () => {
    const changed = { ...parse(MINIMAL), description: 'changed' };
    expect(await queue.registerTemplate(changed)).toMatchObject({
      allowed: false,
      code: 'ERR_TEMPLATE_INVALID',
      message: expect.stringContaining('wasm_test/hello 1.0.0 is registered with other content'),
    });
    expect((await stored())?.description).toBeNull();
    expect(await queue.registerTemplate(changed, { force: true })).toEqual({ allowed: true, stored: true });
    expect(await stored()).toEqual({ configuration: changed, description: 'changed' });
  });

  it('takes another version beside the first', async () => {
    const next = { ...parse(MINIMAL), version: '1.0.1' };
    expect(await queue.registerTemplate(next)).toEqual({ allowed: true, stored: true });
  });

  it('refuses a template of another namespace', async () => {
    const other = { ...parse(MINIMAL), namespace_name: 'somebody_else' };
    expect(await queue.registerTemplate(other)).toMatchObject({ allowed: false });
  });

  it('has created the queues that its tasks need', async () => {
    const queues = await fixture.query<{ queue_name: string }>(`SELECT queue_name FROM pgmq.meta`);
    expect(queues.map(({ queue_name }) => queue_name)).toEqual(
      expect.arrayContaining([
        'worker_wasm_test_queue',
        'orchestration_step_results',
        'orchestration_task_requests',
        'orchestration_task_finalizations',
      ]),
    );
  });
});
