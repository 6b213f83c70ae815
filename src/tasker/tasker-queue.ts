import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { BrokerError, type ErrorCode } from '../errors.ts';
import type { CheckpointRequest, WaitDecision, WaitingStep } from '../model/step-request.ts';
import type { StepError, StepResult } from '../model/step-result.ts';
import { refuse, type Verdict } from '../model/verdict.ts';
import type { ClaimedStep, ParkedStep, Settled, StepQueue } from '../queue/step-queue.ts';
import { type Claimer, createClaimer } from './claim.ts';
import { type Database, openDatabase } from './connection.ts';
import { databaseError } from './database-error.ts';
import { createHeldResults, type HeldResults } from './held-results.ts';
import { type HydratedStep, hydrateSteps, type UnusableStep } from './hydrate.ts';
import { createMorgue, holdInstance, type Instance, isProcessAlive, releaseInstance } from './instances.ts';
import { type Listener, openListener } from './listener.ts';
import { checkOutcome } from './outcome-checks.ts';
import { prepareDatabase } from './prepare.ts';
import { completeOptions, type QueueSettings, type TaskerQueueOptions } from './queue-options.ts';
import { checkNamespace, workerQueue } from './queues.ts';
import { createReadySignal, type ReadySignal } from './ready-signal.ts';
import { createRecovery, type Recovery } from './recovery.ts';
import { registerTemplate } from './register-template.ts';
import { createSettler, type Settler } from './settler.ts';
import { STORE_CHECKPOINT } from './sql/checkpoint.ts';
import { LOST_STEPS } from './sql/lost.ts';
import { CHANNEL_NAMESPACE } from './sql/session.ts';
import { findUnstorable, storableFacts } from './storable.ts';
import type { TaskTemplate } from './template.ts';
import { decideWaiting, listWaiting, parkStep } from './waiting.ts';

/** Steps of one Tasker namespace. */
export interface TaskerQueue extends StepQueue {
  /** Identity of this broker in claims, results and `wasm_broker.instances`. */
  readonly workerUuid: string;
  /** Registers a template of this queue's namespace; see `registerTemplate`. */
  registerTemplate(
    template: TaskTemplate,
    options?: { readonly force?: boolean },
  ): Promise<Verdict<{ readonly stored: boolean }>>;
  /** The outage that was reported last and is not over yet, or null. */
  readonly problem: string | null;
  /** Steps of the namespace that wait for a person, whoever parked them. */
  waiting(): Promise<readonly WaitingStep[]>;
  /** Ends a wait. Rejects with ERR_WAIT_UNKNOWN when the step does not wait (any more). */
  decide(stepUuid: string, decision: WaitDecision): Promise<void>;
}

/**
 * Connects to Tasker's database as a worker: checks it, creates the queues and the broker's own schema, recovers what
 * an earlier broker left behind, and listens. Rejects with a BrokerError that says what to change.
 *
 * While it runs, trouble with the database fails no claim: it is reported to `onError` and claiming goes on when it is over.
 */
export async function createTaskerQueue(given: TaskerQueueOptions): Promise<TaskerQueue> {
  const options = completeOptions(given);
  const refusal = checkNamespace(options.namespace);
  if (refusal !== null) throw new BrokerError('ERR_CONFIG_INVALID', refusal.message);
  const database = openDatabase(options.databaseUrl, { caFile: options.databaseCaFile });
  try {
    return await start(database, options);
  } catch (error) {
    await database.close();
    throw databaseError(error, database.name);
  }
}

const SETTLED: Settled = Object.freeze({ settlement: 'settled', refused: null });
const LOST: Settled = Object.freeze({ settlement: 'lost', refused: null });
/** For a step that this queue did not hand out, or has settled before. */
const UNKNOWN = Object.freeze({ retryable: true, branches: { kind: 'none' } } as const);
const NOTHING_RAN = Object.freeze({
  success: false,
  output: {},
  handlerVersion: null,
  executionMs: 0,
  custom: {},
});

function asFailure(result: StepResult, error: StepError): StepResult {
  return { ...result, success: false, output: {}, error };
}

function unstorable(what: string): StepError {
  return permanent('ERR_OUTPUT_INVALID', `PostgreSQL cannot store ${what}`);
}

function cannotWait(kind: string): StepError {
  return permanent('ERR_OUTCOME_INVALID', `a ${kind} step cannot wait: its result has to be an outcome`);
}

function permanent(code: ErrorCode, message: string): StepError {
  return { code, message, errorType: 'permanent_error', retryable: false, retryAfterMs: null };
}

async function start(database: Database, settings: QueueSettings): Promise<TaskerQueue> {
  const { namespace } = settings;
  await prepareDatabase(database, settings);
  const self = { workerUuid: randomUUID(), namespace, hostname: os.hostname(), pid: process.pid };
  const queue = new RunningQueue(database, settings, self);
  await queue.open();
  return queue;
}

/** Ties the parts together and owns what is between claiming and settling. */
class RunningQueue implements TaskerQueue {
  readonly workerUuid: string;
  readonly #database: Database;
  readonly #settings: QueueSettings;
  readonly #self: Instance;
  readonly #claimer: Claimer;
  readonly #held: HeldResults;
  readonly #settler: Settler;
  readonly #recovery: Recovery;
  readonly #ready: ReadySignal;
  /** Claimed, not handed out yet: they still have to be hydrated. */
  readonly #owed = new Set<string>();
  /** Handed out and not settled, with what decides how they can be reported. */
  readonly #running = new Map<string, Pick<HydratedStep, 'retryable' | 'branches'>>();
  /** One claim at a time. */
  #claiming: Promise<unknown> = Promise.resolve();
  #recovering: Promise<void> | null = null;
  readonly #lostListeners = new Set<(stepUuid: string) => void>();
  #listener: Listener | null = null;
  #timers: readonly NodeJS.Timeout[] = [];
  #closed = false;
  /** The problem reported last, so that one outage is one report. */
  #reported: string | null = null;

  constructor(database: Database, settings: QueueSettings, self: Instance) {
    const { namespace, visibilityTimeoutS, now, deadInstanceGraceMs } = settings;
    this.workerUuid = self.workerUuid;
    this.#database = database;
    this.#settings = settings;
    this.#self = self;
    this.#ready = createReadySignal();
    const onError = (error: unknown) => this.#report(error);
    this.#held = createHeldResults({ database: database.pool, now, onError });
    this.#settler = createSettler(database, (stepUuid) => this.#held.add(stepUuid));
    this.#claimer = createClaimer({
      database,
      queue: workerQueue(namespace),
      workerUuid: self.workerUuid,
      visibilityTimeoutS,
      now,
      onClaimed: (stepUuids) => {
        for (const stepUuid of stepUuids) this.#owed.add(stepUuid);
      },
      onPoison: (count) => this.#reportPoison(count),
    });
    this.#recovery = createRecovery({
      database,
      namespace,
      morgue: createMorgue({ self, graceMs: deadInstanceGraceMs, isProcessAlive }),
      now,
      onStrandedSteps: (stepUuids) => {
        this.#claimer.offer(stepUuids);
        this.#ready.fire();
      },
      onHeld: (stepUuid) => this.#held.add(stepUuid),
      onError,
    });
  }

  async open(): Promise<void> {
    const { pollMs, recoveryMs, lostStepsMs } = this.#settings;
    this.#listener = await openListener({
      connect: () => this.#database.connect(),
      channel: `pgmq_message_ready.${await this.#channelNamespace()}`,
      onSession: (client) => holdInstance(client, this.#self),
      onNotify: () => this.#ready.fire(),
      onError: (error) => this.#report(error),
    });
    await this.#recovery.run();
    this.#timers = [
      setInterval(() => this.#ready.fire(), pollMs),
      setInterval(() => void this.#findLost(), lostStepsMs),
      setInterval(() => {
        this.#recovering ??= this.#recovery.run().finally(() => {
          this.#recovering = null;
        });
      }, recoveryMs),
    ];
  }

  claim(slots: number): Promise<readonly ClaimedStep[]> {
    const claim = this.#claiming.then(() => this.#claim(slots));
    this.#claiming = claim;
    return claim;
  }

  async settle(step: ClaimedStep, result: StepResult): Promise<Settled> {
    if (this.#closed) throw new BrokerError('ERR_DATABASE_UNAVAILABLE', 'the queue is closed');
    const { stepUuid, attempt, retry } = step.invocation;
    const { retryable, branches } = this.#running.get(stepUuid) ?? UNKNOWN;
    const identity = {
      stepUuid,
      workerUuid: this.workerUuid,
      hostname: this.#self.hostname,
      attempt,
      retry,
      retryable,
    };
    const fault = result.success ? checkOutcome(branches, result.output) : null;
    const settled = await this.#settler.settle(identity, fault === null ? result : asFailure(result, fault));
    this.#running.delete(stepUuid);
    return fault === null ? settled : { ...settled, refused: fault };
  }

  async checkpoint(step: ClaimedStep, checkpoint: CheckpointRequest): Promise<Settled> {
    const { stepUuid, attempt } = step.invocation;
    const fault = findUnstorable(checkpoint);
    if (fault !== null) return this.#refuse(step, unstorable(`the checkpoint: ${fault}`));
    const owner = [stepUuid, this.workerUuid, String(attempt)];
    const { rowCount } = await this.#query(STORE_CHECKPOINT, [...owner, JSON.stringify(checkpoint)]);
    if (rowCount === 1) return SETTLED;
    this.#running.delete(stepUuid);
    return LOST;
  }

  async park(step: ClaimedStep, parked: ParkedStep): Promise<Settled> {
    const { stepUuid, attempt } = step.invocation;
    const { branches } = this.#running.get(stepUuid) ?? UNKNOWN;
    if (branches.kind !== 'none') return this.#refuse(step, cannotWait(branches.kind));
    const fault = findUnstorable(parked.wait);
    if (fault !== null) return this.#refuse(step, unstorable(`what the step waits for: ${fault}`));
    const { workerUuid } = this;
    const { namespace, now } = this.#settings;
    const parking = await parkStep(
      this.#database.pool,
      { stepUuid, workerUuid, attempt, namespace },
      { ...parked, custom: storableFacts(parked.custom) },
      now(),
    ).catch((error: unknown) => Promise.reject(databaseError(error, this.#database.name)));
    if (typeof parking !== 'string') return this.#refuse(step, parking);
    this.#running.delete(stepUuid);
    return parking === 'parked' ? SETTLED : LOST;
  }

  get problem(): string | null {
    return this.#reported;
  }

  waiting(): Promise<readonly WaitingStep[]> {
    return listWaiting(this.#database.pool, this.#settings.namespace);
  }

  async decide(stepUuid: string, decision: WaitDecision): Promise<void> {
    const { namespace, now } = this.#settings;
    await decideWaiting(this.#database, { stepUuid, namespace }, decision, now());
  }

  onReady(listener: () => void): () => void {
    return this.#ready.subscribe(listener);
  }

  onLost(listener: (stepUuid: string) => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  async registerTemplate(template: TaskTemplate, options?: { readonly force?: boolean }) {
    const { namespace } = this.#settings;
    if (template.namespace_name !== namespace) {
      return refuse(
        'ERR_TEMPLATE_INVALID',
        `expected template ${template.name} in namespace ${namespace}, got ${template.namespace_name}; this broker serves one namespace`,
      );
    }
    return registerTemplate(this.#database.pool, template, options).catch((error: unknown) =>
      Promise.reject(databaseError(error, this.#database.name)),
    );
  }

  /** Steps that are claimed and not settled stay in progress; the next broker recovers them. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#ready.close();
    await this.#claiming;
    await this.#recovering;
    await this.#settler.idle();
    await this.#held.close();
    await this.#listener?.close();
    await releaseInstance(this.#database.pool, this.workerUuid).catch((error: unknown) =>
      this.#report(error),
    );
    await this.#database.close();
  }

  async #claim(slots: number): Promise<readonly ClaimedStep[]> {
    if (this.#closed || slots <= 0) return [];
    try {
      const free = slots - this.#owed.size;
      if (free > 0) await this.#claimer.claim(free);
      const steps = await this.#handOut(slots);
      this.#reported = null;
      return steps;
    } catch (error) {
      // Steps that were claimed stay owed, and the next claim goes on with them.
      this.#report(error);
      return [];
    }
  }

  /** Hydrates at most `slots` of the steps that are owed and settles those that cannot run. */
  async #handOut(slots: number): Promise<readonly ClaimedStep[]> {
    const claimedAtMs = this.#settings.now();
    const { steps, unusable } = await hydrateSteps(this.#database.pool, [...this.#owed].slice(0, slots));
    await Promise.all(unusable.map((step) => this.#settleUnusable(step, claimedAtMs)));
    for (const { invocation, retryable, branches } of steps) {
      this.#owed.delete(invocation.stepUuid);
      this.#running.set(invocation.stepUuid, { retryable, branches });
    }
    return steps.map(({ invocation }: HydratedStep) => Object.freeze({ invocation, claimedAtMs }));
  }

  async #settleUnusable({ stepUuid, attempt, error }: UnusableStep, startedAtMs: number): Promise<void> {
    const identity = {
      stepUuid,
      workerUuid: this.workerUuid,
      hostname: this.#self.hostname,
      attempt,
      retry: { backoff: 'none', backoffBaseMs: null, maxBackoffMs: null },
      retryable: false,
    } as const;
    await this.#settler.settle(identity, { ...NOTHING_RAN, startedAtMs, error });
    this.#owed.delete(stepUuid);
    this.#settings.onError({
      code: 'ERR_TEMPLATE_INVALID',
      message: `step ${stepUuid} was failed: ${error.message}`,
    });
  }

  /** A step that ends by itself meanwhile is told as lost too, which harms nobody: it is not running any more. */
  async #findLost(): Promise<void> {
    const steps = [...this.#running.keys()];
    if (steps.length === 0) return;
    try {
      const { rows } = await this.#database.pool.query<{ step_uuid: string }>(LOST_STEPS, [
        steps,
        this.workerUuid,
      ]);
      for (const { step_uuid } of rows) {
        for (const listener of [...this.#lostListeners]) listener(step_uuid);
      }
    } catch (error) {
      this.#report(error);
    }
  }

  /** Settles a step that asked for something it cannot have. */
  async #refuse(step: ClaimedStep, refused: StepError): Promise<Settled> {
    const failed = { ...NOTHING_RAN, startedAtMs: step.claimedAtMs, error: refused };
    const { settlement } = await this.settle(step, failed);
    return { settlement, refused };
  }

  #query(statement: string, values: unknown[]) {
    return this.#database.pool
      .query(statement, values)
      .catch((error: unknown) => Promise.reject(databaseError(error, this.#database.name)));
  }

  async #channelNamespace(): Promise<string> {
    const { rows } = await this.#database.pool.query(CHANNEL_NAMESPACE, [
      workerQueue(this.#settings.namespace),
    ]);
    return rows[0].namespace;
  }

  #reportPoison(count: number): void {
    this.#settings.onError({
      code: 'ERR_MESSAGE_INVALID',
      message: `${count} message(s) of queue ${workerQueue(this.#settings.namespace)} were no step messages and were archived; look into pgmq.a_${workerQueue(this.#settings.namespace).toLowerCase()} for them and at who sends there`,
    });
  }

  #report(error: unknown): void {
    const { code, message } = databaseError(error, this.#database.name);
    if (this.#closed || this.#reported === message) return;
    this.#reported = message;
    this.#settings.onError({ code, message });
  }
}
