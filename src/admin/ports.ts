import type { WaitDecision, WaitingStep } from '../model/step-request.ts';

/** What the broker is doing, for operators. */
export interface BrokerStatus {
  readonly version: string;
  readonly namespace: string;
  readonly worker_uuid: string;
  readonly state: string;
  readonly slots: number;
  readonly in_flight: number;
  readonly lanes: number;
  readonly lanes_ready: number;
  readonly handlers: readonly string[];
}

/** What the admin server asks of the broker around it. */
export interface AdminPorts {
  /** Why the broker cannot take steps now, in words; empty when it can. */
  obstacles(): readonly string[];
  status(): BrokerStatus;
  waiting(): Promise<readonly WaitingStep[]>;
  /** Rejects with ERR_WAIT_UNKNOWN when the step does not wait (any more). */
  decide(stepUuid: string, decision: WaitDecision): Promise<void>;
}
