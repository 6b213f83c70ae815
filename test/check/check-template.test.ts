import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { BUILTIN_FOLDER, handlerFolders, loadHandler } from '../../src/catalog/load.ts';
import { checkTemplateText } from '../../src/check/check-template.ts';
import { FINDINGS } from '../../src/check/finding.ts';
import type { Surroundings } from '../../src/check/subject.ts';
import { Config } from '../../src/config.ts';
import { completeLimits } from '../../src/model/limits.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';

const HTTP = { capability: 'http', schemes: ['https'], hosts: ['api.test'], ports: [443], methods: ['GET'] };
const SECRET = { capability: 'secret', names: ['TOKEN'], hosts: ['api.test'] };

let sandbox: Sandbox;
let surroundings: Surroundings;
const seen = new Set<string>();

beforeAll(async () => {
  sandbox = createSandbox({ lanes: 1 });
  const folders = await handlerFolders(BUILTIN_FOLDER);
  const config = Config.parse({
    worker: { namespace: 'wasm' },
    grants: { http_request: [HTTP, SECRET] },
    secrets: { TOKEN: { env: 'TOKEN' } },
  });
  surroundings = {
    catalog: createCatalog(await Promise.all(folders.map((folder) => loadHandler(folder, sandbox.admit)))),
    config: { ...config, limits: completeLimits(config.limits) },
  };
});

afterAll(() => sandbox.close());

/** Steps in YAML, from line 5 on. */
const template = (steps: string) => `name: orders\nnamespace_name: wasm\nversion: 1.0.0\nsteps:\n${steps}`;

const check = (text: string, around = surroundings) =>
  checkTemplateText(text, around).findings.map(({ code, severity, position, message, cure }) => {
    seen.add(code);
    expect(cure).not.toBe('');
    expect(severity).toBe(FINDINGS[code]);
    return `${position?.line}:${position?.column} ${code}: ${message}`;
  });

const FETCH = `  - name: fetch
    handler: { callable: http_request, initialization: { url: "https://api.test/orders" } }
`;
const AGGREGATE = (input: string, dependencies = '[fetch]') => `  - name: count
    dependencies: ${dependencies}
    handler:
      callable: aggregate
      initialization:
        input: ${input}
        metrics: { orders: { op: count } }
`;

describe('checking a template', () => {
  it('finds nothing in one that can run', () => {
    expect(check(template(FETCH + AGGREGATE('${steps.fetch.result.body}')))).toEqual([]);
  });

  it('knows what it cannot know: references may become anything', () => {
    const steps = `  - name: fetch
    handler:
      callable: http_request
      initialization:
        url: "https://api.test/\${task.context.path}"
        method: \${task.context.method}
        timeout_ms: \${task.context.timeout}
        headers: { authorization: "Bearer \${secrets.TOKEN}" }
        auth: { type: "\${task.context.auth}", token: x }
        response: \${task.context.response}
  - name: choose
    type: decision
    dependencies: [fetch]
    handler:
      callable: decide
      initialization:
        rules:
          - { when: { path: $.a, op: "\${task.context.op}", value: 1 }, steps: "\${task.context.steps}" }
          - \${steps.fetch.result.body}
`;
    expect(check(template(steps))).toEqual([]);
  });

  it.each<[string, string, readonly string[]]>([
    ['that is no YAML', 'name: [', ['1:8 template-invalid: expected a template in YAML: ']],
    [
      'that lacks what every template has',
      'name: a\nnamespace_name: wasm\nsteps:\n  - name: b\n',
      ['1:1 template-invalid: version: ', '4:5 template-invalid: steps.0.handler: '],
    ],
    [
      'whose steps go round in a circle, written with depends_on',
      template(`  - name: a
    depends_on: [b]
    handler: { callable: transform, initialization: { mapping: { x: $.x } } }
  - name: b
    depends_on:
      - a
    handler: { callable: transform, initialization: { mapping: { x: $.x } } }
`),
      ['6:17 graph-invalid: steps depend on each other in a circle: "a" → "b" → "a"'],
    ],
    [
      'that depends on a step that is not there',
      template(AGGREGATE('[]', '[fetch]')),
      ['6:20 graph-invalid: step "count" depends on "fetch", which is no step of this template'],
    ],
    [
      'of another namespace',
      template(FETCH).replace('wasm', 'other'),
      ['2:17 namespace-differs: expected namespace "wasm", which this broker serves, got "other"'],
    ],
    [
      'with a handler that nobody has',
      template(`  - name: a\n    handler: { callable: transfrom }\n`),
      ['6:26 handler-unknown: no handler "transfrom" in the catalog; handlers: aggregate, '],
    ],
    [
      'with a version that nobody has',
      template(`  - name: a\n    handler: { callable: transform@9.0.0 }\n`),
      ['6:26 handler-unknown: no handler "transform@9.0.0" in the catalog; versions of transform: '],
    ],
    [
      'that mixes workers',
      template(`${FETCH}  - name: b\n    handler: { callable: OrderSystem::Validate }\n`),
      ['8:26 handler-foreign: handler.callable "OrderSystem::Validate": expected NAME'],
    ],
    [
      'whose configuration breaks its schema',
      template(
        `  - name: a\n    handler:\n      callable: decide\n      initialization:\n        rules: 1\n`,
      ),
      ['9:16 config-invalid: rules must be array'],
    ],
    [
      'whose configuration breaks its schema beside references',
      template(`  - name: fetch
    handler:
      callable: http_request
      initialization:
        url: "https://api.test/\${task.context.path}"
        method: FETCH
        timeout_ms: "\${task.context.seconds}000"
        typo: 1
        headers: { a: "\${task.context.a}", b: 7 }
`),
      [
        '10:17 config-invalid: method must be equal to one of the allowed values (GET, ',
        '11:21 config-invalid: timeout_ms must be integer, got a string',
        '12:15 config-invalid: typo must NOT have additional properties (typo)',
        '13:47 config-invalid: headers.b must be string',
      ],
    ],
    [
      'whose configuration lacks something beside references',
      template(`  - name: choose
    handler:
      callable: decide
      initialization:
        rules:
          - { when: { op: eq, value: "\${task.context.a}" }, steps: [b] }
`),
      ["10:21 config-invalid: rules.0.when must have required property 'path'"],
    ],
    [
      'with a malformed $broker',
      template(`  - name: fetch
    handler:
      callable: http_request
      initialization: { url: "https://api.test/", $broker: { limits: { fuel: lots } } }
`),
      ['8:78 narrowing-invalid: $broker.limits.fuel: '],
    ],
    [
      'with a $broker that raises a limit',
      template(`  - name: fetch
    handler:
      callable: http_request
      initialization:
        url: "https://api.test/"
        $broker: { limits: { host_calls: 5, wall_ms: 31000, http_timeout_ms: 5 } }
`),
      [
        '10:42 narrowing-void: $broker.limits.host_calls is 5, but 1 applies already; a step can only narrow',
        '10:54 narrowing-void: $broker.limits.wall_ms is 31000, but 30000 applies already',
      ],
    ],
    [
      'with malformed references',
      template(FETCH.replace('orders', '${step.a} ${')),
      [
        '6:63 reference-malformed: expected `task.context`, `steps.NAME.result` or `secrets.NAME` at character 19 of ',
      ],
    ],
    [
      'that refers to a step that is not there',
      template(FETCH + AGGREGATE('${steps.fech.result}')),
      ['12:16 reference-unknown: there is no step "fech" in this template'],
    ],
    [
      'that refers to a step beside it',
      template(FETCH + AGGREGATE('${steps.fetch.result}', '[]')),
      ['12:16 reference-not-upstream: step "count" does not depend on "fetch", so it has not its result'],
    ],
    [
      'that needs what is not granted',
      template(
        `  - name: tell\n    handler: { callable: notify, initialization: { url: "https://api.test", message: hi } }\n`,
      ),
      ['6:26 grant-missing: notify needs the capability "http"'],
    ],
    [
      'that narrows away what it needs',
      template(`  - name: fetch
    handler:
      callable: http_request
      initialization: { url: "https://api.test/", $broker: { grants: [] } }
`),
      ['7:17 grant-missing: http_request needs the capability "http"'],
    ],
    [
      'that refers to secrets that are not there or not granted',
      template(FETCH.replace('orders', '${secrets.TOKEN}${secrets.OTHER}')),
      [
        '6:56 secret-missing: there is no secret "OTHER"',
        '6:56 grant-missing: http_request may not use the secret "OTHER"',
      ],
    ],
    [
      'that runs longer than Tasker waits',
      template(`${FETCH}    timeout_seconds: 1501\n`),
      ['7:22 timeout-too-long: expected timeout_seconds of at most 1500, got 1501 in step "fetch"'],
    ],
    [
      'that runs longer than this broker lets it',
      template(`${FETCH}    timeout_seconds: 31\n`),
      ['7:22 timeout-cut: timeout_seconds is 31, but this broker stops a step after 30'],
    ],
    [
      'with a result_schema that has no bound',
      template(`${FETCH}    result_schema: { pattern: "(a+)+$" }\n`),
      ['7:20 result-schema-invalid: result_schema: expected no "pattern"'],
    ],
  ])('finds what is wrong in one %s', (_what, text, expected) => {
    expect(check(text)).toEqual(expected.map((start) => expect.stringContaining(start)));
    expect(check(text).map((line, at) => line.startsWith(expected[at] ?? ''))).toEqual(
      expected.map(() => true),
    );
  });

  describe('with a decision', () => {
    const steps = (more: string) =>
      template(`${FETCH}  - name: choose
    type: decision
    dependencies: [fetch]
    handler: { callable: decide, initialization: { rules: [] } }
  - name: left
    dependencies: [choose]
    handler: { callable: transform, initialization: { mapping: { a: $.a } } }
  - name: right
    dependencies: [choose]
    handler: { callable: transform, initialization: { mapping: { a: $.a } } }
${more}`);
    const joined = (input: string) =>
      steps(`  - name: join
    type: deferred_convergence
    dependencies: [left, right]
    handler: { callable: transform, initialization: { input: "${input}", mapping: { a: $.a } } }
`);

    it('notes that a branch may be absent where branches meet', () => {
      expect(check(joined('${steps.left.result}'))).toEqual([
        expect.stringMatching(
          /^20:62 reference-may-be-absent: "left" is on a branch that a decision may leave out/,
        ),
      ]);
    });

    it('knows that what lies before the decision is there', () => {
      expect(check(joined('${steps.fetch.result}${steps.choose.result.reason}'))).toEqual([]);
    });

    it('knows that a branch is there for the steps on it', () => {
      const on = `  - name: after
    dependencies: [left]
    handler: { callable: transform, initialization: { input: "\${steps.left.result}", mapping: { a: $.a } } }
`;
      expect(check(steps(on))).toEqual([]);
    });
  });

  it('finds that the results of a batch worker stand under other names', () => {
    const text = template(`  - name: split
    type: batchable
    handler: { callable: transform, initialization: { mapping: { a: $.a } } }
  - name: work
    type: batch_worker
    dependencies: [split]
    handler: { callable: transform, initialization: { mapping: { a: $.a } } }
  - name: join
    type: deferred_convergence
    dependencies: [work]
    handler: { callable: transform, initialization: { input: "\${steps.work.result}", mapping: { a: $.a } } }
`);
    expect(check(text)).toEqual([
      expect.stringMatching(/^15:62 reference-batch-worker: "work" is a batch worker/),
    ]);
  });

  it('leaves out what depends on a broker when there is none', () => {
    const text = template(`  - name: tell
    handler: { callable: notify, initialization: { url: "https://api.test/\${secrets.X}", message: hi } }
    timeout_seconds: 600
`).replace('wasm', 'other');
    expect(check(text, { ...surroundings, config: null })).toEqual([]);
  });

  it('says the lines that would grant what is missing', () => {
    const text = template(FETCH).replaceAll('http_request', 'notify');
    const [finding] = checkTemplateText(text, surroundings).findings.filter(
      ({ code }) => code === 'grant-missing',
    );
    expect(finding?.cure).toMatch(
      /^add to broker\.toml, if it shall be allowed:\n\[\[grants\.notify\]\]\ncapability = "http"/,
    );
  });

  it('checks thousands of steps in a row, and their references', () => {
    const chain = Array.from(
      { length: 1500 },
      (_, at) =>
        `  - { name: s${at}, dependencies: [${at === 0 ? '' : `s${at - 1}`}], handler: { callable: aggregate, initialization: { metrics: { n: { op: count } } } } }`,
    ).join('\n');
    expect(check(template(chain))).toEqual([]);
  });

  it('has been seen to find everything that it can find', () => {
    expect([...seen].sort()).toEqual(Object.keys(FINDINGS).sort());
  });
});
