import * as z from 'zod';
import { BrokerError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { type WaitDecision, type WaitingStep, WaitRequest } from '../model/step-request.ts';
import type { StepError } from '../model/step-result.ts';
import type { ParkedStep } from '../queue/step-queue.ts';
import { resultOfWait, type WaitEnd } from '../queue/wait-result.ts';
import { completeSteps } from './completion.ts';
import type { Database, Queryable } from './connection.ts';
import {
  FORGET_MOVED_ON,
  FORGET_WAITING,
  LIST_WAITING,
  LOCK_OVERDUE,
  LOCK_WAITING,
  PARK_STEP,
  ROOM_TO_WAIT,
} from './sql/waiting.ts';
import { type AttemptIdentity, toStepExecutionResult } from './step-execution-result.ts';

/** Tasker's own: a task is stale after so long in process, unless its template says otherwise; and its lifetime. */
const IN_PROCESS_DEFAULT_MINUTES = 30;
const TASK_LIFETIME_MINUTES = 24 * 60;
/** The staleness detector looks every five minutes; a decision at the last moment needs a moment to be reported. */
const MARGIN_MINUTES = 1;
const MINUTE_MS = 60_000;
const OVERDUE_BATCH = 100;

/** Who parks which attempt. */
export interface ParkingAttempt {
  readonly stepUuid: string;
  readonly workerUuid: string;
  readonly attempt: number;
  readonly namespace: string;
}

/** `parked`, `lost` to somebody else, or why the step may not wait so long. */
export type Parking = 'parked' | 'lost' | StepError;

/** Puts a claimed step aside until somebody decides. */
export async function parkStep(
  database: Queryable,
  attempt: ParkingAttempt,
  parked: ParkedStep,
  nowMs: number,
): Promise<Parking> {
  const { stepUuid, workerUuid, namespace } = attempt;
  const owner = [stepUuid, workerUuid, String(attempt.attempt)];
  const [room] = (
    await database.query<{ in_process_ms: number; allowed_minutes: number | null }>(ROOM_TO_WAIT, owner)
  ).rows;
  if (room === undefined) return 'lost';
  const refusal = tooLong(parked.wait.timeout_ms, room.in_process_ms, room.allowed_minutes);
  if (refusal !== null) return refusal;
  const untilMs = nowMs + parked.wait.timeout_ms;
  const { rowCount } = await database.query(PARK_STEP, [
    ...owner,
    namespace,
    JSON.stringify(parked),
    nowMs,
    untilMs,
  ]);
  return rowCount === 1 ? 'parked' : 'lost';
}

/** A task that waits for longer than this is given up by the server, whatever a person decides afterwards. */
function tooLong(timeoutMs: number, inProcessMs: number, templateMinutes: number | null): StepError | null {
  const allowed = Math.min(templateMinutes ?? IN_PROCESS_DEFAULT_MINUTES, TASK_LIFETIME_MINUTES);
  const needed = Math.ceil((timeoutMs + inProcessMs) / MINUTE_MS) + MARGIN_MINUTES;
  if (needed <= allowed) return null;
  const cure =
    needed <= TASK_LIFETIME_MINUTES
      ? `add to the template: lifecycle: { max_steps_in_process_minutes: ${needed} }`
      : `Tasker ends every task after ${TASK_LIFETIME_MINUTES} minutes`;
  return {
    code: 'ERR_WAIT_TOO_LONG',
    message: `a wait of ${timeoutMs} ms needs ${needed} minutes in process, and this task has ${allowed}; ${cure}`,
    errorType: 'permanent_error',
    retryable: false,
    retryAfterMs: null,
  };
}

/** The steps of a namespace that wait, the most urgent first. */
export async function listWaiting(database: Queryable, namespace: string): Promise<readonly WaitingStep[]> {
  const { rows } = await database.query<WaitingRow>(LIST_WAITING, [namespace]);
  return rows.map((row) => {
    const { wait } = readParked(row.parked);
    return {
      stepUuid: row.step_uuid,
      taskUuid: row.task_uuid,
      stepName: row.step_name,
      taskName: row.task_name,
      reason: wait.reason,
      data: wait.data,
      sinceMs: row.since_ms,
      untilMs: row.until_ms,
    };
  });
}

/**
 * Ends the wait of a step with what a person decided. Any process with the database may: what is reported is the
 * completion of the claim that parked it. Rejects with ERR_WAIT_UNKNOWN when the step does not wait (any more).
 */
export async function decideWaiting(
  database: Database,
  { stepUuid, namespace }: { readonly stepUuid: string; readonly namespace: string },
  decision: WaitDecision,
  nowMs: number,
): Promise<void> {
  await database.transaction(async (client) => {
    const { rows } = await client.query<WaitingRow>(LOCK_WAITING, [stepUuid, namespace]);
    if (rows.length === 0) {
      const message = `step ${stepUuid} of namespace ${namespace} does not wait for a decision`;
      throw new BrokerError('ERR_WAIT_UNKNOWN', message);
    }
    await endWaits(client, rows, decision, nowMs);
  });
}

/** Ends the waits whose time is over, and forgets those of steps that others moved on. Returns how many it ended. */
export async function endOverdueWaits(database: Database, namespace: string, nowMs: number): Promise<number> {
  return database.transaction(async (client) => {
    await client.query(FORGET_MOVED_ON, [namespace]);
    const { rows } = await client.query<WaitingRow>(LOCK_OVERDUE, [namespace, nowMs, OVERDUE_BATCH]);
    if (rows.length > 0) await endWaits(client, rows, 'timed_out', nowMs);
    return rows.length;
  });
}

interface WaitingRow {
  readonly step_uuid: string;
  readonly task_uuid: string;
  readonly worker_uuid: string;
  readonly attempt: number;
  readonly parked: JsonValue;
  readonly since_ms: number;
  readonly until_ms: number;
  readonly step_name: string;
  readonly task_name: string;
}

async function endWaits(
  client: Queryable,
  rows: readonly WaitingRow[],
  end: WaitEnd,
  nowMs: number,
): Promise<void> {
  const ended = rows.map((row) => {
    const waitedMs = Math.max(0, Math.round(nowMs - row.since_ms));
    const identity: AttemptIdentity = {
      stepUuid: row.step_uuid,
      workerUuid: row.worker_uuid,
      hostname: null,
      attempt: row.attempt,
      retry: { backoff: 'none', backoffBaseMs: null, maxBackoffMs: null },
      retryable: false,
    };
    const { record } = toStepExecutionResult(identity, resultOfWait(readParked(row.parked), end, waitedMs));
    return { identity, record, uncounted: false };
  });
  await completeSteps(client, ended);
  await client.query(FORGET_WAITING, [rows.map(({ step_uuid }) => step_uuid)]);
}

const Parked = z.object({
  wait: WaitRequest,
  handlerVersion: z.string(),
  startedAtMs: z.number(),
  executionMs: z.number(),
  custom: z.record(z.string(), z.unknown()).transform((value) => value as JsonObject),
});

function readParked(stored: JsonValue): ParkedStep {
  return Parked.parse(stored);
}
