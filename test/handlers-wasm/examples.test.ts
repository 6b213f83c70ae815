import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { ABI_IMPORTS } from '../../src/model/abi.ts';
import { Manifest } from '../../src/model/manifest.ts';
import { bareHttpResponse } from '../support/bare-guest.ts';
import { HANDLER_NAMES, handlerFolder, handlerModule, loadHandler, outputOf } from './catalog-handler.ts';

interface Example {
  readonly input: unknown;
  readonly config: unknown;
  readonly output: unknown;
  readonly http?: {
    readonly request: unknown;
    readonly request_body: string;
    readonly response: {
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly body: string;
    };
  };
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** Every named property of a configuration; conditions (`if`) describe nothing. */
function propertySchemas(schema: unknown): { readonly name: string; readonly schema: object }[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.entries(schema.properties as object) : [];
  return [
    ...own.flatMap(([name, child]) => (typeof child === 'object' ? [{ name, schema: child as object }] : [])),
    ...Object.entries(schema).flatMap(([key, child]) => (key === 'if' ? [] : propertySchemas(child))),
  ];
}

describe.each(HANDLER_NAMES)('%s', (name) => {
  const folder = handlerFolder(name);
  const manifest = Manifest.parse(readJson(`${folder}/manifest.json`));
  const schema = readJson(`${folder}/config.schema.json`) as {
    properties: Record<string, object>;
    required: string[];
  };
  const examples = readdirSync(`${folder}/examples`).map((file) => ({
    file,
    example: readJson(`${folder}/examples/${file}`) as Example,
  }));

  it('says in its examples what fits the schema of its output, if it has one', () => {
    if (manifest.output === undefined) return;
    const output = new Ajv2020({ strictTypes: false }).compile(
      readJson(`${folder}/${manifest.output}`) as object,
    );
    for (const { file, example } of examples) expect(output(example.output), file).toBe(true);
  });

  it('has a manifest that names it and asks only for what its module imports', async () => {
    expect(manifest).toMatchObject({
      name,
      version: '0.1.0',
      abi: 'tasker-core/1',
      config: 'config.schema.json',
    });
    const module = await handlerModule(name);
    const imports = WebAssembly.Module.imports(module).map((item) => `${item.module}.${item.name}`);
    const known = new Map(ABI_IMPORTS.map((item) => [`${item.module}.${item.name}`, item.capability]));
    for (const item of imports) expect(known.has(item), item).toBe(true);
    const needed = new Set(
      imports.map((item) => known.get(item)).filter((capability) => capability !== null),
    );
    // A secret is not imported: it is a reference inside an HTTP request.
    const asked = new Set(
      manifest.capabilities.map((grant) => grant.capability).filter((item) => item !== 'secret'),
    );
    expect(asked).toEqual(needed);
    const claims = WebAssembly.Module.customSections(module, 'tasker.manifest');
    expect(JSON.parse(new TextDecoder().decode(claims[0]))).toMatchObject({ name, abi: 'tasker-core/1' });
  });

  it('exports its entry and its memory, and nothing else', async () => {
    const exported = WebAssembly.Module.exports(await handlerModule(name)).map((item) => item.name);
    expect(exported.sort()).toEqual(['memory', 'tk_handle']);
  });

  it('has a configuration schema that is closed and describes every property', () => {
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
    for (const property of propertySchemas(schema)) {
      expect(property.schema, property.name).toHaveProperty('description');
    }
  });

  it.each(examples)('gives the output of example $file', async ({ example }) => {
    const check = new Ajv2020({ strict: true, strictTypes: false }).compile(schema);
    expect(check(example.config), JSON.stringify(check.errors)).toBe(true);
    const run = await loadHandler(name);
    const requests: unknown[] = [];
    const result = run(example.input, example.config, (head, body) => {
      requests.push({ request: head, request_body: new TextDecoder().decode(body) });
      const response = example.http?.response ?? { status: 500, headers: {}, body: '' };
      return bareHttpResponse(response.status, response.headers, response.body);
    });
    expect(outputOf(result)).toEqual(example.output);
    const { request, request_body } = example.http ?? {};
    expect(requests).toEqual(
      example.http === undefined ? [] : [{ request: { headers: {}, ...(request as object) }, request_body }],
    );
  });
});
