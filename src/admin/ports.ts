import type { LiveSettings } from '../model/settings.ts';
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
  readonly in_flight_per_lane: number;
  readonly queue_depth: number;
  readonly memory_budget_bytes: number;
  /** What the guests in flight are counted with. */
  readonly memory_committed_bytes: number;
  /** Digests of modules that are not run any more. */
  readonly quarantined: readonly string[];
  readonly handlers: readonly string[];
}

/** A module that is not run any more, because it brought down its lanes. */
export interface QuarantinedModule {
  readonly digest: string;
  /** `name@version` of the handlers that have it. */
  readonly handlers: readonly string[];
}

export interface QuarantinePorts {
  quarantined(): readonly QuarantinedModule[];
  /** Lets a module run again. False when it is not in quarantine. */
  release(digest: string): boolean;
}

/** What the admin server asks of the broker around it. */
export interface AdminPorts extends QuarantinePorts {
  /** Why the broker cannot take steps now, in words; empty when it can. */
  obstacles(): readonly string[];
  status(): BrokerStatus;
  /** Counters in Prometheus' text format. */
  metrics(): Promise<string>;
  /** Changes settings while steps run; what is left out stays. */
  configure(settings: LiveSettings): void;
  waiting(): Promise<readonly WaitingStep[]>;
  /** Rejects with ERR_WAIT_UNKNOWN when the step does not wait (any more). */
  decide(stepUuid: string, decision: WaitDecision): Promise<void>;
}
