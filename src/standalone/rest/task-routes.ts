import type { FastifyInstance } from 'fastify';
import { isJsonObject } from '../../model/json.ts';
import type { Connections } from '../engine/connections.ts';
import { cancelTask } from '../engine/operator.ts';
import { submitTask } from '../engine/submit.ts';
import { badRequest, conflict, databaseError, invalidUuid, notFound } from './api-error.ts';
import { isUuid, readBody, readQuery, TaskBody, TaskListQuery } from './requests.ts';
import { listTasks } from './task-list.ts';
import { loadTaskResponse } from './task-response.ts';

interface TaskPath {
  readonly Params: { readonly uuid: string };
}

export function addTaskRoutes(app: FastifyInstance, connections: Connections): void {
  const { withClient, nowMs } = connections;
  const taskResponse = async (uuid: string) => {
    const response = await withClient((client) => loadTaskResponse(client, nowMs(), uuid));
    if (response === null) throw notFound();
    return response;
  };

  app.post('/v1/tasks', async (request) => {
    const body = readBody(TaskBody, request.body);
    if (body.name === '') throw badRequest('Task name cannot be empty');
    if (body.namespace === '') throw badRequest('Namespace cannot be empty');
    if (body.version === '') throw badRequest('Version cannot be empty');
    // Tasker finds out when it stores the task.
    if (!isJsonObject(body.context)) throw databaseError();
    const { taskUuid, created } = await submitTask(connections, {
      namespace: body.namespace,
      name: body.name,
      version: body.version,
      context: body.context,
      initiator: body.initiator,
      sourceSystem: body.source_system,
      reason: body.reason,
      tags: body.tags,
      priority: body.priority ?? 0,
      ...(body.correlation_id !== undefined && { correlationId: body.correlation_id }),
      ...(body.parent_correlation_id && { parentCorrelationId: body.parent_correlation_id }),
    });
    if (!created) throw conflict('A task with this identity already exists');
    return taskResponse(taskUuid);
  });

  app.get('/v1/tasks', (request) => {
    const query = readQuery(TaskListQuery, request.query);
    return withClient((client) => listTasks(client, nowMs(), query));
  });

  app.get<TaskPath>('/v1/tasks/:uuid', ({ params: { uuid } }) => {
    if (!isUuid(uuid)) throw invalidUuid(uuid);
    return taskResponse(uuid);
  });

  app.delete<TaskPath>('/v1/tasks/:uuid', async ({ params: { uuid } }) => {
    if (!isUuid(uuid)) throw invalidUuid(uuid);
    const verdict = await cancelTask(connections, uuid);
    if (verdict === 'missing') throw notFound();
    if (verdict === 'ended') throw badRequest('Cannot cancel a completed task');
    return taskResponse(uuid);
  });
}
