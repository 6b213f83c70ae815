import type { JsonObject, JsonValue } from '../../src/model/json.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A file of a handler's `examples/`. */
export interface Example {
  readonly input: JsonValue;
  readonly config: JsonObject;
  readonly http?: { readonly response: Answer };
}

/** The example's input with other numbers, other texts and more or fewer items, the same for the same index. */
export function inputOf({ input }: Example, index: number): string {
  return JSON.stringify(index === 0 ? input : vary(input, index, 0));
}

function vary(value: JsonValue, index: number, depth: number): JsonValue {
  const roll = (index * 2_654_435_761 + depth * 40_503) >>> 0;
  if (typeof value === 'number') return roll % 3 === 0 ? value : value + (roll % 1000) / 8;
  if (typeof value === 'string') return roll % 4 === 0 ? `${value} ${index} é€😀` : value;
  if (Array.isArray(value)) {
    const copies = depth === 0 ? roll % 20 : 1;
    return Array.from({ length: copies }, (_, copy) =>
      value.map((item, place) => vary(item, index + copy, depth + place + 1)),
    ).flat();
  }
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter((_, place) => (roll >> (place % 8)) % 16 !== 0);
  return Object.fromEntries(kept.map(([key, item], place) => [key, vary(item, index, depth + place + 1)]));
}

/** What the server answers: mostly as in the example, else an error, text that is no JSON, or a long body. */
export function answerOf({ http }: Example, index: number): Answer {
  const answer = http?.response ?? { status: 200, headers: {}, body: '{}' };
  switch (index % 5) {
    case 1:
      return { ...answer, status: 500 + (index % 4) };
    case 2:
      return answer.status === 204 ? answer : { ...answer, body: `not json ${index}` };
    case 3:
      return answer.status === 204
        ? answer
        : { ...answer, body: JSON.stringify({ rows: Array(index % 300).fill('x') }) };
    default:
      return answer;
  }
}
