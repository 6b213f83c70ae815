import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { JsonObject, JsonValue } from '../../../src/model/json.ts';

/** A step of a template in tests: what is left out has Tasker's default. */
export interface StepDefinition {
  readonly name: string;
  readonly type?: string;
  readonly dependencies?: readonly string[];
  readonly initialization?: JsonObject;
  readonly retry?: { readonly retryable: boolean; readonly max_attempts: number };
  readonly batch_config?: JsonObject;
}

export interface ClaimedStep {
  readonly taskUuid: string;
  readonly stepUuid: string;
  readonly name: string;
  readonly attempts: number;
  readonly inputs: JsonValue;
}

/** What a handler reported: a value, or a failure. */
export type Report =
  | { readonly value: JsonValue }
  | {
      readonly failure: string;
      readonly retryable: boolean;
      readonly headers?: Readonly<Record<string, string>>;
    };

/**
 * The worker's side of the contract as plain SQL from the worker protocol (§2.4 claim, §4.3 completion, §5.2
 * registration), so that the engine is tested from the outside.
 */
export class SqlWorker {
  readonly workerUuid = randomUUID();
  readonly client: pg.Client;
  readonly namespace: string;

  constructor(client: pg.Client, namespace = 'shop') {
    this.client = client;
    this.namespace = namespace;
  }

  get queue(): string {
    return `worker_${this.namespace}_queue`;
  }

  /** Creates the queue and registers a template, as a worker does at boot. */
  async register(name: string, steps: readonly StepDefinition[], version = '1.0.0'): Promise<void> {
    await this.client.query('SELECT pgmq.create($1)', [this.queue]);
    await this.client.query(
      `INSERT INTO tasker.task_namespaces (name, created_at, updated_at) VALUES ($1, NOW(), NOW())
       ON CONFLICT (name) DO NOTHING`,
      [this.namespace],
    );
    const configuration = {
      name,
      namespace_name: this.namespace,
      version,
      steps: steps.map(({ initialization, ...step }) => ({
        ...step,
        handler: { callable: 'test', initialization: initialization ?? {} },
      })),
    };
    await this.client.query(
      `INSERT INTO tasker.named_tasks (task_namespace_uuid, name, version, configuration, created_at, updated_at)
       SELECT task_namespace_uuid, $2, $3, $4::jsonb, NOW(), NOW() FROM tasker.task_namespaces WHERE name = $1
       ON CONFLICT (task_namespace_uuid, name, version) DO UPDATE SET configuration = EXCLUDED.configuration`,
      [this.namespace, name, version, JSON.stringify(configuration)],
    );
  }

  /** Takes one message and claims its step; null when the queue is empty or the claim is lost. */
  async claim(): Promise<ClaimedStep | null> {
    const { rows } = await this.client.query<{
      msg_id: string;
      message: { task_uuid: string; step_uuid: string };
    }>('SELECT msg_id, message FROM pgmq.read($1, 30, 1)', [this.queue]);
    const [message] = rows;
    if (message === undefined) return null;
    const { task_uuid: taskUuid, step_uuid: stepUuid } = message.message;
    const metadata = { event: '{"type":"Start"}', worker_uuid: this.workerUuid };
    const claimed = await this.client.query<{ attempts: number }>(
      `WITH cas AS (
         UPDATE tasker.workflow_step_transitions SET most_recent=false, updated_at=NOW()
          WHERE workflow_step_uuid=$1 AND most_recent AND to_state='enqueued'
         RETURNING workflow_step_uuid, sort_key),
       ins AS (
         INSERT INTO tasker.workflow_step_transitions
           (workflow_step_uuid,to_state,from_state,metadata,sort_key,most_recent,created_at,updated_at)
         SELECT workflow_step_uuid,'in_progress','enqueued',$2::jsonb,sort_key+1,true,NOW(),NOW() FROM cas
         RETURNING workflow_step_uuid)
       UPDATE tasker.workflow_steps ws
          SET in_process=true, attempts=COALESCE(attempts,0)+1, last_attempted_at=NOW(), updated_at=NOW()
         FROM ins WHERE ws.workflow_step_uuid=ins.workflow_step_uuid RETURNING ws.attempts`,
      [stepUuid, JSON.stringify(metadata)],
    );
    await this.client.query('SELECT pgmq.archive($1, $2::bigint)', [this.queue, message.msg_id]);
    const attempts = claimed.rows[0]?.attempts;
    if (attempts === undefined) return null;
    const step = await this.client.query<{ name: string; inputs: JsonValue }>(
      `SELECT ns.name, ws.inputs FROM tasker.workflow_steps ws JOIN tasker.named_steps ns USING (named_step_uuid)
        WHERE ws.workflow_step_uuid = $1`,
      [stepUuid],
    );
    const [row] = step.rows;
    return { taskUuid, stepUuid, attempts, name: row?.name ?? '', inputs: row?.inputs ?? null };
  }

  /** Stores a report and sends the result message; `leaveInProcess` forgets to clear the flag (hazard 11). */
  async complete(
    step: ClaimedStep,
    report: Report,
    options?: { readonly leaveInProcess: boolean },
  ): Promise<void> {
    await this.completeRaw(step, 'value' in report, executionResult(step, report), options?.leaveInProcess);
  }

  /** `complete` with any document as the result. */
  async completeRaw(
    step: ClaimedStep,
    success: boolean,
    result: JsonValue,
    leaveInProcess = false,
  ): Promise<void> {
    const state = success ? 'enqueued_for_orchestration' : 'enqueued_as_error_for_orchestration';
    const correlationId = randomUUID();
    const metadata = { event: JSON.stringify({ type: 'x', data: result }), worker_uuid: this.workerUuid };
    await this.client.query(
      `WITH cas AS (UPDATE tasker.workflow_step_transitions SET most_recent=false, updated_at=NOW()
          WHERE workflow_step_uuid=$1 AND most_recent AND to_state='in_progress' AND metadata->>'worker_uuid'=$2
          RETURNING workflow_step_uuid, sort_key),
       ins AS (INSERT INTO tasker.workflow_step_transitions
            (workflow_step_uuid,to_state,from_state,metadata,sort_key,most_recent,created_at,updated_at)
          SELECT workflow_step_uuid,$3,'in_progress',$4::jsonb,sort_key+1,true,NOW(),NOW() FROM cas
          RETURNING workflow_step_uuid),
       upd AS (UPDATE tasker.workflow_steps ws SET in_process=$7, results=$5::jsonb, updated_at=NOW()
          FROM ins WHERE ws.workflow_step_uuid=ins.workflow_step_uuid RETURNING ws.task_uuid)
       SELECT tasker.pgmq_send_with_notify('orchestration_step_results',
          jsonb_build_object('task_uuid',task_uuid,'step_uuid',$1::uuid,'correlation_id',$6::uuid)) FROM upd`,
      [
        step.stepUuid,
        this.workerUuid,
        state,
        JSON.stringify(metadata),
        JSON.stringify(result),
        correlationId,
        leaveInProcess,
      ],
    );
  }

  /** Sends the result message of a step once more. */
  async nudge(step: ClaimedStep): Promise<void> {
    await this.send({ task_uuid: step.taskUuid, step_uuid: step.stepUuid, correlation_id: randomUUID() });
  }

  /** Sends any document to the result queue. */
  async send(message: JsonValue): Promise<void> {
    await this.client.query(`SELECT tasker.pgmq_send_with_notify('orchestration_step_results', $1::jsonb)`, [
      JSON.stringify(message),
    ]);
  }
}

/** `StepExecutionResult` as a worker writes it (§4.1). */
export function executionResult(step: ClaimedStep, report: Report): JsonObject {
  const failed = 'failure' in report;
  const retryable = failed && report.retryable;
  return {
    step_uuid: step.stepUuid,
    success: !failed,
    result: failed ? {} : report.value,
    metadata: { execution_time_ms: 1, retryable, completed_at: new Date().toISOString() },
    status: failed ? 'failed' : 'completed',
    error: failed ? { message: report.failure, retryable, error_type: 'handler_error', context: {} } : null,
    orchestration_metadata: failed
      ? { headers: { ...report.headers }, error_context: null, backoff_hint: null, custom: {} }
      : null,
  };
}
