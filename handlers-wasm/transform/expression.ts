import { fail, Json, JsonKey, JsonWriter, Path } from "tasker-wasm-broker/assemblyscript";
import { convert, Conversion } from "./conversion";

/** What happens to a path that finds nothing: the destination becomes null or is left out, or the step fails. */
export const enum OnMissing {
  Null = 0,
  Omit = 1,
  Fail = 2,
}

/** A compiled expression: how one destination gets its value from a record. */
export abstract class Expression {
  /** True when the destination is left out. Called before each `write`, with the same record. */
  isOmitted(_record: Json): bool {
    return false;
  }

  abstract write(record: Json, output: JsonWriter): void;

  /** The value as text, as `concat` joins it. */
  text(record: Json): string {
    const output = new JsonWriter(64);
    this.write(record, output);
    return output.toText();
  }
}

/** `"$.a"` or `{path, default, to}`. */
export class PathExpression extends Expression {
  private found: Json;

  constructor(
    private path: Path,
    private fallback: Json,
    private conversion: Conversion,
    private onMissing: OnMissing,
    private at: string,
  ) {
    super();
    this.found = fallback;
  }

  isOmitted(record: Json): bool {
    this.found = this.resolve(record);
    return this.found.isMissing && this.onMissing == OnMissing.Omit;
  }

  write(_record: Json, output: JsonWriter): void {
    if (this.conversion == Conversion.None) output.json(this.found);
    else convert(this.found, this.conversion, output, this.at);
  }

  text(record: Json): string {
    const found = this.resolve(record);
    if (found.isMissing || found.isNull) return "";
    return found.isString ? found.asString() : found.toText();
  }

  /** The default also stands in for null. */
  private resolve(record: Json): Json {
    const found = this.path.find(record);
    if (this.fallback.isPresent && (found.isMissing || found.isNull)) return this.fallback;
    if (found.isMissing && this.onMissing == OnMissing.Fail) {
      fail("value_missing", this.at + ": expected a value at " + this.path.text + ", got nothing");
    }
    return found;
  }
}

/** `{value: constant}`. */
export class ConstantExpression extends Expression {
  constructor(private value: Json) { super(); }

  write(_record: Json, output: JsonWriter): void {
    output.json(this.value);
  }

  text(_record: Json): string {
    if (this.value.isNull) return "";
    return this.value.isString ? this.value.asString() : this.value.toText();
  }
}

/** `{object: {…}}`, and the mapping itself. */
export class ObjectExpression extends Expression {
  constructor(private keys: JsonKey[], private values: Expression[]) { super(); }

  write(record: Json, output: JsonWriter): void {
    output.beginObject();
    for (let i = 0, length = this.keys.length; i < length; i++) {
      const value = unchecked(this.values[i]);
      if (value.isOmitted(record)) continue;
      unchecked(this.keys[i]).write(output);
      value.write(record, output);
    }
    output.endObject();
  }
}

/** `{each: path, mapping: {…}}`: an array, one object for each item found. Nothing there means an empty array. */
export class EachExpression extends Expression {
  constructor(private path: Path, private mapping: ObjectExpression, private at: string) { super(); }

  write(record: Json, output: JsonWriter): void {
    const list = this.path.find(record);
    if (!list.isArray && list.isPresent && !list.isNull) {
      fail("input_mismatch", this.at + ": expected an array at " + this.path.text + ", got " + list.typeName);
    }
    output.beginArray();
    for (let item = list.firstChild; item != list.afterLast; item = item.next) this.mapping.write(item, output);
    output.endArray();
  }
}

/** `{concat: […]}`: the texts of its parts in a row. */
export class ConcatExpression extends Expression {
  constructor(private parts: Expression[]) { super(); }

  write(record: Json, output: JsonWriter): void {
    output.string(this.text(record));
  }

  text(record: Json): string {
    let text = "";
    for (let i = 0; i < this.parts.length; i++) text += this.parts[i].text(record);
    return text;
  }
}
