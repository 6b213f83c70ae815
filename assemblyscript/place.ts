import { Json } from "./json/json";
import { MAX_DEPTH } from "./json/parser";
import { pathStepText } from "./path-names";

/**
 * Where in a document a walk stands, for messages. A step is one store; text is made only when something is reported.
 * One walk at a time, as deep as a document can be.
 */
const CAPACITY = MAX_DEPTH + 2;
const indices = new StaticArray<i32>(CAPACITY);
const names = new StaticArray<string>(CAPACITY);
const keys = new StaticArray<usize>(CAPACITY);

/** Stand in `indices` for a step that is a name of ours, or a key of the document. */
const BY_NAME = -1;
const BY_KEY = -2;

let depth: i32 = 0;
/** What the walk is in: `$`, or `config`. */
let root: string = "$";

/** Starts a walk. */
export function startPlace(name: string): void {
  root = name;
  depth = 0;
}

export function enterMember(name: string): void {
  indices[depth] = BY_NAME;
  names[depth++] = name;
}

/** Like `enterMember`, with a key of the document. */
export function enterKey(key: Json): void {
  indices[depth] = BY_KEY;
  keys[depth++] = changetype<usize>(key);
}

export function enterItem(index: i32): void {
  indices[depth++] = index;
}

export function leave(): void {
  depth--;
}

/** The place as a path: `$.items[2].qty`. */
export function currentPlace(): string {
  let text = root;
  for (let i = 0; i < depth; i++) {
    const index = indices[i];
    if (index >= 0) text += "[" + index.toString() + "]";
    else text += pathStepText(index == BY_NAME ? names[i] : changetype<Json>(keys[i]).asString());
  }
  return text;
}
