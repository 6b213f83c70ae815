import type { FastifyInstance } from 'fastify';
import type { Connections } from '../engine/connections.ts';
import { unavailable } from './api-error.ts';
import { configResponse, healthResponse, readyResponse } from './system-response.ts';
import { getTemplate, listTemplates } from './template-response.ts';

export function addSystemRoutes(app: FastifyInstance, { withClient }: Connections): void {
  app.get<{ Querystring: { readonly namespace?: string } }>('/v1/templates', ({ query }) =>
    withClient((client) => listTemplates(client, query.namespace)),
  );

  app.get<{ Params: { readonly namespace: string; readonly name: string; readonly version: string } }>(
    '/v1/templates/:namespace/:name/:version',
    ({ params: { namespace, name, version } }) =>
      withClient((client) => getTemplate(client, namespace, name, version)),
  );

  app.get('/health', async () => healthResponse('healthy'));
  app.get('/health/live', async () => healthResponse('alive'));
  app.get('/health/ready', async () => {
    const startedAtMs = performance.now();
    try {
      await withClient((client) => client.query('SELECT 1'));
    } catch {
      throw unavailable();
    }
    return readyResponse(performance.now() - startedAtMs);
  });
  app.get('/config', async () => configResponse());
}
