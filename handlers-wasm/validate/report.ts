import { JsonWriter } from "tasker-wasm-broker/assemblyscript";
import { currentPlace } from "tasker-wasm-broker/assemblyscript/place";

/** One way in which a value is not valid. */
@final
export class ValidationError {
  constructor(readonly path: string, readonly keyword: string, readonly message: string) {}

  toText(): string {
    return this.path + ": " + this.message;
  }
}

/** Errors of the value that is checked now, at most `maxErrors`. */
export let errors: ValidationError[] = [];
let maxErrors: i32 = i32.MAX_VALUE;
let muted: i32 = 0;

export function limitErrors(count: i32): void {
  maxErrors = count;
}

/** Forgets the errors of the value before. */
export function clearErrors(): void {
  errors = [];
}

/** From here on nothing is reported: a schema is only tried. Nests. */
export function mute(): void {
  muted++;
}

export function unmute(): void {
  muted--;
}

/** Reports an error at the current place. Always false, the validity of the value. */
export function report(keyword: string, message: string): bool {
  if (muted == 0 && errors.length < maxErrors) errors.push(new ValidationError(currentPlace(), keyword, message));
  return false;
}

/** Writes the errors as an array. */
export function writeErrors(output: JsonWriter): void {
  output.beginArray();
  for (let i = 0; i < errors.length; i++) {
    const error = errors[i];
    output.beginObject().key("path").string(error.path).key("keyword").string(error.keyword);
    output.key("message").string(error.message).endObject();
  }
  output.endArray();
}
