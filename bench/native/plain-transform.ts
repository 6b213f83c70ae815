/** The mapping of the transform handler in plain JavaScript, as someone would write it without a sandbox. */
export type Mapping = Readonly<Record<string, string>>;
type Transform = (document: string) => string;

/** `$.a.b` as its names. */
const namesOf = (path: string) => path.split('.').slice(1);

/** Walks the paths of the mapping for every record. The configuration comes with each call, as it does for a step. */
export function interpretedTransform(config: string): Transform {
  return (document) => {
    const { mapping } = JSON.parse(config) as { mapping: Mapping };
    const targets = Object.entries(mapping).map(([key, path]) => ({ key, names: namesOf(path) }));
    const records = JSON.parse(document) as unknown[];
    return JSON.stringify(
      records.map((record) => {
        const mapped: Record<string, unknown> = {};
        for (const { key, names } of targets) mapped[key] = find(record, names);
        return mapped;
      }),
    );
  };
}

function find(record: unknown, names: readonly string[]): unknown {
  let value = record;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** The mapping as JavaScript source, compiled once for its configuration: `{ "name": r.customer?.name ?? null, … }`. */
export function compiledTransform(config: string): Transform {
  const { mapping } = JSON.parse(config) as { mapping: Mapping };
  const fields = Object.entries(mapping).map(([key, path]) => {
    const access = namesOf(path).map((name) => `?.[${JSON.stringify(name)}]`);
    return `${JSON.stringify(key)}: r${access.join('')} ?? null`;
  });
  const map = new Function('r', `return { ${fields.join(', ')} };`) as (record: unknown) => unknown;
  return (document) => JSON.stringify((JSON.parse(document) as unknown[]).map(map));
}
