import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/model/json.ts';
import {
  parseReferences,
  referencedSecrets,
  referencedSteps,
  resolveReferences,
  secretPlaceholder,
} from '../../src/model/references.ts';

const MARK = 'a1b2c3';

function resolve(value: JsonValue, context: JsonValue = {}, steps: Record<string, JsonValue> = {}) {
  return resolveReferences(value, { context, steps, secretMark: MARK });
}

function valueFor(
  value: JsonValue,
  context: JsonValue = {},
  steps: Record<string, JsonValue> = {},
): JsonValue {
  const resolved = resolve(value, context, steps);
  if (!resolved.allowed) throw new Error(resolved.message);
  return resolved.value;
}

function refusalOf(value: JsonValue, context: JsonValue = {}, steps: Record<string, JsonValue> = {}) {
  const resolved = resolve(value, context, steps);
  if (resolved.allowed) throw new Error(`expected a refusal, got ${JSON.stringify(resolved.value)}`);
  return resolved;
}

describe('references', () => {
  it('a string that is exactly one reference becomes the value, whatever its type', () => {
    const context = { list: [1, { 'US Gross': null }], yes: true };
    expect(valueFor({ a: '${task.context.list}', b: ['${task.context.yes}'] }, context)).toEqual({
      a: context.list,
      b: [true],
    });
    expect(valueFor('${task.context.list[1]["US Gross"]}', context)).toBe(null);
    expect(valueFor('${task.context}', context)).toEqual(context);
  });

  it('inside text strings stand as they are and numbers and booleans as JSON', () => {
    const steps = { 'load-it': { n: 2.5, s: 'ü', b: false } };
    expect(
      valueFor('${steps.load-it.result.n}/${steps["load-it"].result.s}/${steps.load-it.result.b}', {}, steps),
    ).toBe('2.5/ü/false');
  });

  it.each([[null], [[1]], [{ a: 1 }]])('inside text %j is refused', (value) => {
    expect(refusalOf({ url: 'x/${task.context.v}' }, { v: value })).toMatchObject({
      code: 'ERR_REFERENCE_UNRESOLVED',
      details: { reference: '${task.context.v}', pointer: '/url' },
    });
  });

  it('$${ is a literal ${', () => {
    expect(valueFor('a $${task.context.x} $${ ${task.context.x}', { x: 1 })).toBe('a ${task.context.x} ${ 1');
  });

  it.each([
    '${',
    '${}',
    '${task}',
    '${task.context',
    '${task.context.}',
    '${task.context[-1]}',
    "${task.context['a']}",
    '${task.context["a]}',
    '${steps.a}',
    '${steps.a.results}',
    '${steps.result}',
    '${secrets}',
    '${secrets.A.b}',
    '${secrets.1}',
    '${env.HOME}',
    '${ task.context}',
  ])('a malformed reference is refused: %s', (text) => {
    const { code, message } = refusalOf({ 'a/b': ['ok', text] });
    expect(code).toBe('ERR_REFERENCE_UNRESOLVED');
    expect(message).toContain('/a~1b/1');
    expect(message).toContain('expected');
  });

  it('a refusal names the reference, where it stands and what exists there', () => {
    const steps = { load: { rows: [1, 2] } };
    expect(refusalOf({ x: ['${steps.lod.result}'] }, {}, steps).message).toBe(
      '${steps.lod.result} at /x/0 resolves to nothing: step "lod" is not among the results this step has; ' +
        'expected one of: "load".',
    );
    expect(refusalOf('${steps.load.result.row}', {}, steps).message).toContain(
      'steps.load.result has no key "row"; its keys: "rows"',
    );
    expect(refusalOf('${steps.load.result.rows[2]}', {}, steps).message).toContain(
      'has 2 elements, not one at index 2',
    );
    expect(refusalOf('${steps.load.result.rows.length}', {}, steps).message).toContain('is an array');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'the inherited key %s is not data',
    (key) => {
      expect(refusalOf(`\${task.context.${key}}`, { a: {} }).message).toContain('has no key');
      expect(refusalOf(`\${steps.${key}.result}`).message).toContain('is not among the results');
    },
  );

  it('a key __proto__ in configuration and data is an ordinary property', () => {
    const config = JSON.parse('{"__proto__":{"x":"${task.context.__proto__}"}}') as JsonObject;
    const context = JSON.parse('{"__proto__":7}') as JsonObject;
    const value = valueFor(config, context) as JsonObject;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"x":7}}');
  });

  it('what a reference yields is never read for references again', () => {
    const hostile = '${task.context.other} ${secrets.TOKEN} $${x}';
    const context = { hostile, nested: { deep: [hostile] }, other: 'NO' };
    expect(valueFor('${task.context.hostile}', context)).toBe(hostile);
    expect(valueFor('> ${task.context.hostile}', context)).toBe(`> ${hostile}`);
    expect(valueFor('${task.context.nested}', context)).toEqual({ deep: [hostile] });
    const halves = { a: '${secrets.TO', b: 'KEN}' };
    expect(valueFor('${task.context.a}${task.context.b}', halves)).toBe('${secrets.TOKEN}');
  });

  it('the author’s secret references get the mark of the invocation, data never does', () => {
    const value = valueFor(['Bearer ${secrets.TOKEN}', '${task.context.evil}'], { evil: '${secrets.TOKEN}' });
    expect(value).toEqual([`Bearer ${secretPlaceholder('TOKEN', MARK)}`, '${secrets.TOKEN}']);
    expect(resolveReferences('${secrets.TOKEN}', { context: {}, steps: {} })).toEqual({
      allowed: true,
      value: '${secrets.TOKEN}',
    });
  });

  it('no data, whatever it contains, brings a mark into the result', () => {
    const piece = fc.constantFrom('${', 'secrets.', 'TOKEN', ':', '}', '$', 'task.context.a', '\\', '"', 'x');
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, text, (a, b) => {
        const template = 'x ${task.context.a}${task.context.b} y';
        expect(valueFor(template, { a, b })).toBe(`x ${a}${b} y`);
        expect(valueFor('${task.context.a}', { a })).toBe(a);
      }),
    );
  });

  it('names of steps and secrets come out once each, in order, also beside malformed text', () => {
    const config = {
      a: '${steps.b.result} ${steps.a.result.x} ${secrets.S}',
      b: '${steps.b.result.y}',
      c: '${broken',
    };
    expect(referencedSteps(config)).toEqual(['b', 'a']);
    expect(referencedSecrets(config)).toEqual(['S']);
    expect(parseReferences(config).allowed).toBe(false);
  });

  it('references that would multiply a value beyond the limit are refused', () => {
    const context = { big: 'x'.repeat(1000) };
    const many = Array.from({ length: 20 }, () => '${task.context.big}');
    const resolved = resolveReferences(many, { context, steps: {}, maxChars: 10_000 });
    expect(resolved).toMatchObject({ allowed: false, code: 'ERR_INPUT_TOO_LARGE' });
    expect(resolveReferences(many.slice(0, 9), { context, steps: {}, maxChars: 10_000 }).allowed).toBe(true);
  });

  it('a configuration of any depth is resolved or refused, never thrown at', () => {
    let deep: JsonValue = 'x';
    for (let level = 0; level < 20_000; level += 1) deep = [deep];
    expect(refusalOf(deep).message).toContain('nested deeper');
    expect(valueFor('${task.context.deep}', { deep })).toBe(deep);
  });
});
