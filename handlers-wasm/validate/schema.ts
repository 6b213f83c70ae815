import { Json, JsonKey, MISSING } from "tasker-wasm-broker/assemblyscript";

/** A compiled schema. A limit that is not configured is infinite. */
@final
export class Schema {
  /** False for the schema `false`, which nothing satisfies. */
  accepts: bool = true;
  /** Bits of the allowed types; 0 allows every type. */
  types: u32 = 0;
  allowed: Json = MISSING;
  constant: Json = MISSING;

  required: JsonKey[] = [];
  propertyKeys: JsonKey[] = [];
  propertySchemas: Schema[] = [];
  additional: Schema | null = null;

  items: Schema | null = null;
  minItems: f64 = 0;
  maxItems: f64 = Infinity;

  minLength: f64 = 0;
  maxLength: f64 = Infinity;

  minimum: f64 = -Infinity;
  maximum: f64 = Infinity;
  exclusiveMinimum: f64 = -Infinity;
  exclusiveMaximum: f64 = Infinity;
  multipleOf: Json = MISSING;

  allOf: Schema[] = [];
  anyOf: Schema[] = [];
  oneOf: Schema[] = [];
  not: Schema | null = null;

  /** True when something looks at the length of a string. */
  get limitsLength(): bool {
    return this.minLength > 0 || this.maxLength < Infinity;
  }

  /** True when something looks at a number's value. */
  get limitsNumber(): bool {
    return this.minimum > -Infinity || this.maximum < Infinity || this.exclusiveMinimum > -Infinity
      || this.exclusiveMaximum < Infinity || this.multipleOf.isPresent;
  }
}
