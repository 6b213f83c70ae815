import { Json } from "../json/json";
import { JsonWriter } from "../json/writer";

/** One member of an object. */
export function encodeField<T>(target: JsonWriter, name: string, value: T): void {
  target.key(name);
  encode<T>(target, value);
}

/** Writes a value of a declared type as JSON. The type is chosen at compile time. */
export function encode<T>(target: JsonWriter, value: T): void {
  if (isNullable<T>()) {
    if (changetype<usize>(value) == 0) target.null();
    else encodeReference<nonnull<T>>(target, changetype<nonnull<T>>(value));
  } else if (isBoolean<T>()) {
    target.bool(<bool>value);
  } else if (isInteger<T>()) {
    target.integer(<i64>value);
  } else if (isFloat<T>()) {
    target.number(<f64>value);
  } else {
    encodeReference<T>(target, value);
  }
}

function encodeReference<T>(target: JsonWriter, value: T): void {
  if (isString<T>()) {
    target.string(changetype<string>(value));
  } else if (isArray<T>()) {
    target.beginArray();
    for (let i = 0, length = value.length; i < length; i++) encode<valueof<T>>(target, value[i]);
    target.endArray();
  } else if (!isManaged<T>()) {
    target.json(changetype<Json>(value));
  } else {
    if (!isDefined(value.__taskerEncode)) ERROR("expected a type that JSON can hold: string, bool, f64, i32, i64, Json, a class with @json, or an array of those");
    value.__taskerEncode(target);
  }
}
