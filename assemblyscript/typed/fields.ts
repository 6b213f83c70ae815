/** What the generated members of a class with `@json` use. */
export { Json } from "../json/json";
export { JsonWriter } from "../json/writer";
export { optionalField, requiredField } from "./decode";
export { encodeField } from "./encode";
