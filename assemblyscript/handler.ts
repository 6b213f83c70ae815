import * as abi from "./abi";
import { allocatePadded } from "./bytes";
import { fail } from "./failure";
import { Json } from "./json/json";
import { parseError, parseErrorOffset, parseJson } from "./json/parser";
import { JsonWriter } from "./json/writer";
import { startPlace } from "./place";
import { decode, setMismatchCode } from "./typed/decode";
import { encode } from "./typed/encode";

/*
 * What the compiler transform puts around a function with `@handler`: documents in, document out. T and R are the
 * types of the function: `string` is the document's text, `Json` and `JsonWriter` any JSON, anything else is decoded
 * and encoded by its declaration.
 */

/** The step's input as the handler declares it. */
export function readInput<T>(): T {
  const length = abi.input_len();
  const start = allocatePadded(length);
  abi.input_read(start);
  return read<T>("input", start, length);
}

/** The handler's configuration as the handler declares it. */
export function readConfig<T>(): T {
  const length = abi.config_len();
  const start = allocatePadded(length);
  abi.config_read(start);
  return read<T>("config", start, length);
}

function read<T>(document: string, start: usize, length: i32): T {
  if (isString<T>()) {
    return changetype<T>(String.UTF8.decodeUnsafe(start, length));
  } else {
    const root = parseJson(start, length);
    if (root.isMissing) {
      return fail<T>(document + "_invalid", document + " is not JSON: " + parseError + " at byte " + parseErrorOffset.toString());
    }
    setMismatchCode(document + "_mismatch");
    startPlace(document == "input" ? "$" : document);
    return decode<T>(root);
  }
}

/** Sets the step's output. A string has to be JSON text: the host checks it. */
export function writeOutput<R>(result: R): void {
  if (isString<R>()) {
    const bytes = String.UTF8.encode(changetype<string>(result));
    abi.output_write(changetype<usize>(bytes), bytes.byteLength);
  } else if (result instanceof JsonWriter) {
    const writer = changetype<JsonWriter>(result);
    abi.output_write(writer.start, writer.length);
  } else {
    const writer = new JsonWriter();
    encode<R>(writer, result);
    abi.output_write(writer.start, writer.length);
  }
}
