import * as z from 'zod';
import { BrokerError, messageOf } from '../../errors.ts';
import { describeIssues } from '../../model/parse.ts';

const TIMEOUT_MS = 30_000;

/** Tasker's REST API, of a Tasker server or of the standalone engine. */
export interface TaskerApi {
  /**
   * One request; the answer is read by `schema`.
   *
   * @throws BrokerError ERR_TASKER_UNREACHABLE when nothing or something else answers; ERR_TASKER_REFUSED for an error
   *   answer, with `status` and Tasker's `code` in its details
   */
  call<Schema extends z.ZodType>(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>>;
}

export interface TaskerApiOptions {
  /** `http://HOST:PORT`, with a path when the API stands behind one. */
  readonly url: string;
  /** Sent as `X-API-Key`, where the server's authentication is on. */
  readonly apiKey?: string;
}

const ErrorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export function createTaskerApi({ url, apiKey }: TaskerApiOptions): TaskerApi {
  const base = url.replace(/\/+$/, '');
  const headers = {
    accept: 'application/json',
    ...(apiKey !== undefined && { 'x-api-key': apiKey }),
  };
  return {
    async call(method, path, schema, body) {
      const answer = await send(base, path, {
        method,
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (answer.status >= 400) throw refusal(method, path, answer);
      const parsed = schema.safeParse(answer.json);
      if (parsed.success) return parsed.data;
      throw new BrokerError(
        'ERR_TASKER_UNREACHABLE',
        `${base}${path} answers, but not as Tasker 0.1.8 does: ${describeIssues(parsed.error)}; check --url`,
      );
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Undefined when the text is no JSON. */
  readonly json: unknown;
}

async function send(base: string, path: string, init: RequestInit): Promise<Answer> {
  try {
    const response = await fetch(base + path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    return { status: response.status, text, json: parseJson(text) };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new BrokerError(
      'ERR_TASKER_UNREACHABLE',
      `no Tasker answers at ${base}: ${messageOf(cause)}; start Tasker or \`wasm-broker standalone\`, or set --url or` +
        ' TASKER_URL',
      { cause: error },
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const MAX_SHOWN = 300;

function refusal(method: string, path: string, { status, text, json }: Answer): BrokerError {
  const known = ErrorBody.safeParse(json);
  const code = known.success ? known.data.error.code : null;
  // untrusted: text of a server on its way to a terminal
  const message = (known.success ? known.data.error.message : text.slice(0, MAX_SHOWN)).replace(
    /\p{Cc}+/gu,
    ' ',
  );
  const label = code === null ? String(status) : `${status} ${code}`;
  return new BrokerError(
    'ERR_TASKER_REFUSED',
    `${method} ${path}: Tasker answered ${label}${message === '' ? '' : `: ${message}`}`,
    { details: { status, code } },
  );
}
