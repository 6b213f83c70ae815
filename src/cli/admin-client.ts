import * as z from 'zod';
import { loadConfig, processEnv } from '../config.ts';
import { BrokerError, messageOf } from '../errors.ts';
import { describeIssues } from '../model/parse.ts';

const TIMEOUT_MS = 10_000;
const MAX_SHOWN = 300;

const ErrorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/**
 * One request to the admin server of a running broker; the answer is read by `schema`.
 *
 * @throws BrokerError ERR_BROKER_UNREACHABLE when nothing or something else answers, ERR_BROKER_REFUSED for an error
 */
export async function callAdmin<Schema extends z.ZodType>(
  { config: file, url }: { readonly config: string; readonly url?: string },
  method: 'GET' | 'POST',
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const { admin } = loadConfig({ file, env: processEnv() });
  if (admin.token === undefined) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      `${file}: [admin] token is needed to talk to a running broker`,
    );
  }
  const base = url?.replace(/\/+$/, '') ?? `http://${admin.host}:${admin.port}`;
  const { status, json } = await send(base, path, {
    method,
    headers: { authorization: `Bearer ${admin.token}` },
  });
  if (status >= 400) throw refusal(method, path, status, json);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const message = `${base}${path} answers, but not as a broker does: ${describeIssues(parsed.error)}; check --url`;
  throw new BrokerError('ERR_BROKER_UNREACHABLE', message);
}

async function send(
  base: string,
  path: string,
  init: RequestInit,
): Promise<{ status: number; json: unknown }> {
  try {
    const response = await fetch(base + path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: response.status, json: await response.json().catch(() => undefined) };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const message = `no broker answers at ${base}: ${messageOf(cause)}; start \`wasm-broker serve\`, or set --url`;
    throw new BrokerError('ERR_BROKER_UNREACHABLE', message, { cause: error });
  }
}

function refusal(method: string, path: string, status: number, json: unknown): BrokerError {
  const known = ErrorBody.safeParse(json);
  // untrusted: text of a server on its way to a terminal
  const message = (known.success ? known.data.error.message : '')
    .slice(0, MAX_SHOWN)
    .replace(/\p{Cc}+/gu, ' ');
  return new BrokerError(
    'ERR_BROKER_REFUSED',
    `${method} ${path}: the broker answered ${status}: ${message}`,
    {
      details: { status },
    },
  );
}
