import type { FastifyInstance } from 'fastify';
import type * as z from 'zod';
import type { Connections } from '../engine/connections.ts';
import { actOnStep, type StepAction, type StepActionVerdict } from '../engine/operator.ts';
import { badRequest, notFound } from './api-error.ts';
import { isUuid, readBody, StepActionBody } from './requests.ts';
import { getStep, listAudit, listSteps } from './step-response.ts';

interface StepPath {
  readonly Params: { readonly uuid: string; readonly step: string };
}

export function addStepRoutes(app: FastifyInstance, connections: Connections): void {
  const { withClient, nowMs } = connections;
  const path = '/v1/tasks/:uuid/workflow_steps';

  app.get<{ Params: { readonly uuid: string } }>(path, ({ params: { uuid } }) => {
    requireUuid('task', uuid);
    return withClient((client) => listSteps(client, nowMs(), uuid));
  });

  app.get<StepPath>(`${path}/:step`, ({ params: { uuid, step } }) => {
    requireUuid('task', uuid);
    requireUuid('step', step);
    return withClient((client) => getStep(client, nowMs(), uuid, step));
  });

  app.get<StepPath>(`${path}/:step/audit`, ({ params: { uuid, step } }) => {
    requireUuid('task', uuid);
    requireUuid('step', step);
    return withClient((client) => listAudit(client, uuid, step));
  });

  app.patch<StepPath>(`${path}/:step`, async ({ params: { uuid, step }, body }) => {
    const action = readBody(StepActionBody, body);
    requireUuid('task', uuid);
    requireUuid('step', step);
    refuseUnlessAllowed(await actOnStep(connections, uuid.toLowerCase(), step, toStepAction(action)));
    return withClient((client) => getStep(client, nowMs(), uuid, step));
  });
}

function toStepAction(body: z.output<typeof StepActionBody>): StepAction {
  if (body.action_type !== 'complete_manually') return { kind: body.action_type };
  return {
    kind: 'complete_manually',
    result: body.completion_data.result,
    metadata: body.completion_data.metadata ?? null,
    reason: body.reason,
    completedBy: body.completed_by,
  };
}

function refuseUnlessAllowed(verdict: StepActionVerdict): void {
  if (verdict.allowed) return;
  switch (verdict.why) {
    case 'missing':
      throw notFound();
    case 'foreign':
      throw notFound('Step does not belong to the specified task');
    case 'state':
      throw badRequest(
        `Cannot manually resolve step: invalid transition from ${verdict.from} to ${verdict.event}`,
      );
  }
}

function requireUuid(what: 'task' | 'step', text: string): void {
  if (!isUuid(text)) throw badRequest(`Invalid ${what} UUID format`);
}
