import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { BrokerError, isBrokerError, messageOf } from '../../errors.ts';
import { type Connections, openConnections } from '../engine/connections.ts';
import type { EngineListener } from '../engine/events.ts';
import { requireSchema } from '../schema/install.ts';
import { ApiError, databaseError } from './api-error.ts';
import { addStepRoutes } from './step-routes.ts';
import { addSystemRoutes } from './system-routes.ts';
import { addTaskRoutes } from './task-routes.ts';

/** Tasker's web framework takes no more. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

export interface RestOptions {
  /** A database with the standalone schema. */
  readonly databaseUrl: string;
  /** 0 takes a free one. Always on 127.0.0.1: there is no authentication. */
  readonly port: number;
  /** Milliseconds since the epoch; default: the database's clock. */
  readonly now?: () => number;
  /** Told after each committed transaction. */
  readonly onEvent?: EngineListener;
}

export interface RestServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the part of Tasker's REST API (worker protocol §6.1) that submitting, watching and mending tasks needs: same
 * paths, fields, status codes and error bodies. It works on the database by itself, beside the engine.
 *
 * @throws BrokerError ERR_DATABASE_FOREIGN, ERR_DATABASE_UNAVAILABLE; ERR_ALREADY_RUNNING when the port is taken
 */
export async function startRestServer(options: RestOptions): Promise<RestServer> {
  await requireSchema(options.databaseUrl);
  const connections = openConnections(options);
  const app = createApp(connections);
  const close = async (): Promise<void> => {
    await app.close();
    await connections.pool.end();
  };
  try {
    const url = await app.listen({ host: '127.0.0.1', port: options.port });
    return { url, close };
  } catch (error) {
    await close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new BrokerError(
      'ERR_ALREADY_RUNNING',
      `port ${options.port} is taken; choose another with --port`,
      {
        cause: error,
      },
    );
  }
}

function createApp(connections: Connections): FastifyInstance {
  const app = Fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)));
    } catch (error) {
      done(new ApiError(400, null, `Failed to parse the request body as JSON: ${messageOf(error)}`));
    }
  });
  app.setErrorHandler<FastifyError | Error>((error, _request, reply) => {
    const { status, code, message } = toApiError(error);
    reply.code(status);
    return code === null ? reply.type('text/plain').send(message) : reply.send({ error: { code, message } });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send());
  addTaskRoutes(app, connections);
  addStepRoutes(app, connections);
  addSystemRoutes(app, connections);
  return app;
}

function toApiError(error: FastifyError | Error): ApiError {
  if (error instanceof ApiError) return error;
  if ('statusCode' in error && error.statusCode === 415) {
    return new ApiError(415, null, 'Expected request with `Content-Type: application/json`');
  }
  if ('statusCode' in error && error.statusCode === 413) {
    return new ApiError(413, null, `the body exceeds ${MAX_BODY_BYTES} bytes`);
  }
  if (isBrokerError(error) && error.code === 'ERR_TEMPLATE_INVALID') {
    return new ApiError(404, 'NOT_FOUND', `Task template not found: ${error.message}`);
  }
  return databaseError();
}
