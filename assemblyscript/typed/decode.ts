import { fail } from "../failure";
import { integerOverflow, isPlainInteger, parseInteger } from "../json/integer";
import { Json } from "../json/json";
import { currentPlace, enterItem, enterMember, leave } from "../place";

/** Code of the failure when a document does not have the declared shape: `input_mismatch` or `config_mismatch`. */
let mismatchCode: string = "input_mismatch";

export function setMismatchCode(code: string): void {
  mismatchCode = code;
}

/** Characters of an offending value that a message shows. */
const SHOWN_CHARACTERS = 40;

/** Fails the step: the value at the current place is not what was declared. */
export function mismatch<T>(expected: string, value: Json): T {
  let got = value.isMissing ? "nothing" : value.toText();
  if (got.length > SHOWN_CHARACTERS) got = got.substring(0, SHOWN_CHARACTERS) + "…";
  return fail<T>(mismatchCode, currentPlace() + ": expected " + expected + ", got " + got);
}

/** A member that has to be there. */
export function requiredField<T>(object: Json, name: string): T {
  enterMember(name);
  const field = decode<T>(object.get(name));
  leave();
  return field;
}

/** A member that keeps its initial value when it is not there. */
export function optionalField<T>(object: Json, name: string, initial: T): T {
  const value = object.get(name);
  if (value.isMissing) return initial;
  enterMember(name);
  const field = decode<T>(value);
  leave();
  return field;
}

/** Turns JSON into a declared type, strictly: no value is converted. The type is chosen at compile time. */
export function decode<T>(value: Json): T {
  if (isNullable<T>()) {
    if (value.isNull || value.isMissing) return changetype<T>(0);
    return changetype<T>(decodeReference<nonnull<T>>(value));
  } else if (isBoolean<T>()) {
    return value.isBool ? <T>value.asBool() : mismatch<T>("boolean", value);
  } else if (isInteger<T>()) {
    return decodeInteger<T>(value);
  } else if (isFloat<T>()) {
    return value.isNumber ? <T>value.asNumber() : mismatch<T>("number", value);
  } else {
    return decodeReference<T>(value);
  }
}

function decodeReference<T>(value: Json): T {
  if (isString<T>()) {
    return value.isString ? changetype<T>(value.asString()) : mismatch<T>("string", value);
  } else if (isArray<T>()) {
    return decodeArray<T>(value);
  } else if (!isManaged<T>()) {
    return changetype<T>(value);
  } else {
    if (!isDefined(changetype<T>(0).__taskerDecode)) ERROR("expected a type that JSON can hold: string, bool, f64, i32, i64, Json, a class with @json, or an array of those");
    if (!value.isObject) return mismatch<T>("object", value);
    const object = instantiate<T>();
    object.__taskerDecode(value);
    return object;
  }
}

function decodeArray<T>(value: Json): T {
  if (!value.isArray) return mismatch<T>("array", value);
  const items = instantiate<T>();
  let index = 0;
  for (let item = value.firstChild; item != value.afterLast; item = item.next) {
    enterItem(index++);
    items.push(decode<valueof<T>>(item));
    leave();
  }
  return items;
}

/** Integers are exact; a fraction, or a number outside the range of the type, is a mismatch. */
function decodeInteger<T>(value: Json): T {
  if (!value.isInteger) return mismatch<T>("integer", value);
  let integer: i64;
  if (isPlainInteger(value.start, value.end)) {
    integer = parseInteger(value.start, value.end);
    if (integerOverflow) return mismatch<T>("integer of 64 bits", value);
  } else {
    const number = value.asNumber();
    if (Math.abs(number) > 9007199254740991) return mismatch<T>("integer", value);
    integer = <i64>number;
  }
  if (<i64>(<T>integer) != integer) return mismatch<T>("integer of " + (sizeof<T>() * 8).toString() + " bits", value);
  return <T>integer;
}
