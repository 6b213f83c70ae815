import { createHash, timingSafeEqual } from 'node:crypto';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { BrokerError, isBrokerError, messageOf } from '../errors.ts';
import { describeIssues } from '../model/parse.ts';
import { LiveSettings } from '../model/settings.ts';
import { WaitDecision } from '../model/step-request.ts';
import type { AdminPorts } from './ports.ts';

export interface AdminServerOptions {
  /** Loopback unless the operator says otherwise. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What `Authorization: Bearer …` must carry. Without one, only the two probes are served. */
  readonly token: string | null;
  readonly ports: AdminPorts;
}

export interface AdminServer {
  /** `http://host:port` */
  readonly url: string;
  close(): Promise<void>;
}

const BODY_MAX_BYTES = 64 * 1024;
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The HTTP side for whoever operates the broker: `/livez` and `/readyz` for probes, `/metrics` and `/v1/…` behind the token.
 * Throws ERR_CONFIG_INVALID when it cannot listen.
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = fastify({
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    // Paths and errors are answered below; nothing of a request is logged.
    logger: false,
  });
  server.setNotFoundHandler((_, reply) => answerError(reply, 404, 'not_found', 'no such resource'));
  server.setErrorHandler((error, _, reply) => explain(error, reply));
  addProbes(server, options.ports);
  if (options.token !== null) addOperations(server, options.ports, options.token);
  try {
    const url = await server.listen({ host: options.host, port: options.port });
    return { url, close: () => server.close() };
  } catch (error) {
    throw new BrokerError(
      'ERR_CONFIG_INVALID',
      `the admin server cannot listen on ${options.host}:${options.port} (${messageOf(error)}); change [admin] port`,
      { cause: error },
    );
  }
}

/** Without the token, so they tell nothing but what a probe needs. */
function addProbes(server: FastifyInstance, { obstacles }: AdminPorts): void {
  server.get('/livez', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_, reply) => {
    const because = obstacles();
    if (because.length === 0) return { status: 'ok' };
    return reply.code(503).send({ status: 'not_ready', because });
  });
}

function addOperations(server: FastifyInstance, ports: AdminPorts, token: string): void {
  const authorized = { preHandler: (request: FastifyRequest) => requireToken(request, token) };
  server.get('/v1/status', authorized, async () => ports.status());
  server.get('/metrics', authorized, async (_, reply) =>
    reply.type(METRICS_TYPE).send(await ports.metrics()),
  );
  server.post('/v1/settings', authorized, async (request, reply) => {
    const settings = LiveSettings.safeParse(request.body);
    if (!settings.success)
      return answerError(reply, 400, 'ERR_CONFIG_INVALID', describeIssues(settings.error));
    ports.configure(settings.data);
    return ports.status();
  });
  server.get('/v1/quarantine', authorized, async () => ({ quarantined: ports.quarantined() }));
  server.post<{ Params: { digest: string } }>(
    '/v1/quarantine/:digest/release',
    authorized,
    async (request, reply) => {
      const { digest } = request.params;
      if (ports.release(digest)) return { released: digest };
      return answerError(reply, 404, 'not_found', `${digest} is not in quarantine`);
    },
  );
  server.get('/v1/waiting', authorized, async () => ({ waiting: await ports.waiting() }));
  server.post<{ Params: { step: string } }>(
    '/v1/waiting/:step/decision',
    authorized,
    async (request, reply) => {
      // untrusted: the body, although whoever sent it has the token
      const decision = WaitDecision.safeParse(request.body);
      if (!decision.success) {
        return answerError(reply, 400, 'ERR_INPUT_INVALID', describeIssues(decision.error));
      }
      await ports.decide(request.params.step, decision.data);
      return { settled: true };
    },
  );
}

/** Compares digests, so that the time it takes tells nothing about the token. */
async function requireToken(request: FastifyRequest, token: string): Promise<void> {
  const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if (timingSafeEqual(digestOf(given), digestOf(token))) return;
  throw Object.assign(new Error('a bearer token is needed: [admin] token in broker.toml'), {
    statusCode: 401,
  });
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const STATUS_OF: Readonly<Record<string, number>> = {
  ERR_WAIT_UNKNOWN: 404,
  ERR_DATABASE_UNAVAILABLE: 503,
};

function explain(error: unknown, reply: FastifyReply): FastifyReply {
  if (isBrokerError(error)) {
    return answerError(reply, STATUS_OF[error.code] ?? 500, error.code, error.message);
  }
  const status = (error as { readonly statusCode?: number }).statusCode ?? 500;
  if (status === 401) return answerError(reply, 401, 'unauthorized', messageOf(error));
  if (status < 500) return answerError(reply, status, 'ERR_INPUT_INVALID', messageOf(error));
  return answerError(reply, 500, 'ERR_INTERNAL', 'the broker failed while it answered');
}

function answerError(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ error: { code, message } });
}
