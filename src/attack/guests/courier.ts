import type { GrantInput } from '../../model/grant.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { HandlerAttack } from '../attack.ts';

/**
 * Sends the requests of its input, `{"requests": [{"method"?, "url", "headers"?: [name, value][], "body"?}]}`, and writes
 * what came of each: the status, or the host's error code.
 */
const SOURCE = `
import { HttpRequest, Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";

@handler("courier")
function courier(input: Json): JsonWriter {
  const output = new JsonWriter().beginArray();
  const requests = input.get("requests").items();
  for (let i = 0; i < requests.length; i++) {
    const asked = requests[i];
    const request = new HttpRequest(asked.get("method").asString("GET"), asked.get("url").asString());
    const headers = asked.get("headers").items();
    for (let j = 0; j < headers.length; j++) request.header(headers[j].at(0).asString(), headers[j].at(1).asString());
    if (asked.get("body").isString) request.text(asked.get("body").asString());
    const response = request.trySend();
    if (response === null) output.string(request.error!.code);
    else output.integer(response.status);
  }
  return output.endArray();
}`;

export interface CourierRequest {
  readonly [name: string]: JsonValue | undefined;
  readonly url: string;
  readonly method?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[] & JsonValue;
  readonly body?: string;
}

type HttpScope = Partial<Extract<GrantInput, { capability: 'http' }>>;

/** A grant of everything public, where \`scope\` does not narrow it. */
export function httpGrant(scope: HttpScope = {}): GrantInput {
  return {
    capability: 'http',
    schemes: ['http', 'https'],
    hosts: ['*'],
    ports: ['*'],
    methods: ['GET', 'POST'],
    ...scope,
  };
}

/** What sends these requests, everything public granted where nothing else is said. */
export function courier(
  requests: readonly (string | CourierRequest)[],
  given: Partial<HandlerAttack> & { readonly scope?: HttpScope } = {},
): HandlerAttack {
  const { scope = {}, ...others } = given;
  const list = requests.map((request) => (typeof request === 'string' ? { url: request } : request));
  return {
    kind: 'handler',
    module: { assemblyscript: SOURCE },
    grants: [httpGrant(scope)],
    step: { context: { requests: list } as unknown as JsonObject },
    ...others,
  };
}
