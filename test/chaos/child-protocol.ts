import type { EventName } from '../../src/events.ts';

/** A blow at one of the broker's own events. */
export interface EventStrike {
  readonly event: EventName;
  /** The step it has to be about; null: any. */
  readonly step: string | null;
  /** Which of these events, counted from 1. */
  readonly nth: number;
  /** `drain`: as SIGTERM does. */
  readonly blow: 'kill' | 'drain';
}

/** The child's only argument, as JSON. */
export interface ChildSettings {
  readonly configFile: string;
  readonly databaseUrl: string;
  /** What the world outside calls this broker: a secret, so at least eight characters. */
  readonly name: string;
  readonly strike: EventStrike | null;
}

export type ChildOrder = { readonly type: 'kill lanes' };

export type ChildReport =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly event: EventName; readonly step: string | null }
  | { readonly type: 'problem'; readonly message: string }
  | { readonly type: 'lanes killed' }
  | { readonly type: 'draining' };
