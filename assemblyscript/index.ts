/** The public surface of the SDK: what a handler imports from "tasker-wasm-broker/assemblyscript". */
export { cacheGet, cachePut } from "./cache";
export { fail } from "./failure";
export { log, LogLevel, now } from "./host";
export { HttpError, HttpRequest, HttpResponse } from "./http";
export { jsonEquals } from "./json/equality";
export { Json, MISSING } from "./json/json";
export { JsonKey } from "./json/key";
export { JsonKind } from "./json/kind";
export { parseError, parseErrorOffset, parseJsonText as parseJson } from "./json/parser";
export { JsonWriter } from "./json/writer";
export { Path } from "./path";
export { randomBytes, randomNumber } from "./random";
export { RegexMatch, regexMatch } from "./regex";
export { readSecret } from "./secret";
export { readStep, waitForDecision, WaitOptions, yieldCheckpoint } from "./step";
