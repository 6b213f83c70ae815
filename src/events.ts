import type { LogLevel } from './model/abi.ts';
import type { Outcome } from './model/outcome.ts';

/** Everything the broker tells the outside while it works. One row per event; `docs/events.md` lists them. */
export interface BrokerEvents {
  'broker:started': { readonly namespace: string; readonly lanes: number };
  /** Settings were changed while it runs. */
  'broker:configured': {
    readonly lanes: number;
    readonly inFlightPerLane: number;
    readonly queueDepth: number;
    readonly memoryBudgetBytes: number;
  };
  'broker:stopped': Record<never, never>;
  'step:claimed': StepEvent;
  'step:started': StepEvent & { readonly handler: string };
  /** The handler came to a checkpoint and goes on from there. */
  'step:checkpoint': StepEvent & { readonly itemsProcessed: number };
  /** The step waits for a person and has left its slot. */
  'step:waiting': StepEvent & { readonly handler: string; readonly timeoutMs: number };
  /** A guest wrote a log line. `message` is untrusted text. */
  'step:log': StepEvent & { readonly level: LogLevel; readonly message: string };
  'step:settled': StepEvent & {
    readonly handler: string | null;
    /** Outcome kind, or `refused` when the invocation was not admitted. */
    readonly outcome: Outcome['kind'] | 'refused';
    readonly code: string | null;
    readonly message: string | null;
    readonly executionMs: number;
    readonly settlement: 'settled' | 'lost';
  };
  /** A host call of a guest was refused or failed; the guest was told why. `target` is untrusted text. */
  'call:refused': StepEvent & { readonly call: string; readonly code: string; readonly target: string };
  'lane:ready': { readonly lane: number };
  /** A handler was not admitted to the catalog, or its manifest or schemas were refused. */
  'handler:refused': { readonly folder: string; readonly code: string; readonly message: string };
  /** A module brought down its lane with several inputs and is not run by this broker any more. */
  'handler:quarantined': { readonly handler: string; readonly digest: string };
  'lane:lost': { readonly lane: number; readonly reason: string };
  /** Found at start: the database differs from what the broker was written for, and the broker runs all the same. */
  'queue:warning': { readonly message: string };
  /** The tape of an invocation could not be written. */
  'tape:failed': { readonly message: string };
  'queue:error': { readonly code: string; readonly message: string };
}

export interface StepEvent {
  readonly taskUuid: string;
  readonly stepUuid: string;
  readonly stepName: string;
  readonly attempt: number;
  readonly correlationId: string;
}

export type EventName = keyof BrokerEvents;
export type Listener<Name extends EventName> = (event: BrokerEvents[Name]) => void;

/** Typed events. `emit` cannot throw: a listener's error goes to `onListenerError`. */
export interface Events {
  emit<Name extends EventName>(name: Name, event: BrokerEvents[Name]): void;
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void;
}

export function createEvents(onListenerError: (error: unknown, name: EventName) => void = () => {}): Events {
  const listeners = new Map<EventName, Set<(event: never) => void>>();
  return Object.freeze({
    emit<Name extends EventName>(name: Name, event: BrokerEvents[Name]): void {
      for (const listener of listeners.get(name) ?? []) {
        try {
          (listener as Listener<Name>)(event);
        } catch (error) {
          onListenerError(error, name);
        }
      }
    },
    on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener as (event: never) => void));
      return () => set.delete(listener as (event: never) => void);
    },
  });
}
