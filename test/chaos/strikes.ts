import type { EventStrike } from './child-protocol.ts';
import type { Strike } from './faults.ts';
import { ANY, type Moment } from './hops.ts';

/** The strikes of a fault: one is due at a time. */
export interface Strikes {
  /** How many have not hit yet. */
  readonly due: number;
  /** False while a blow falls, and while one at a step that waits is due: it has to find the step waiting. */
  readonly mayDecide: boolean;
  /** The strike that this statement brings, if it does. `listening`: its broker has come through its start. */
  onStatement(name: string, listening: boolean): Strike | null;
  /** The strike that a guest's call brings, if it does. */
  onCall(): Strike | null;
  /** For a broker that is started: the strike to deal itself. */
  ofBroker(): EventStrike | null;
  /** A broker has ended of the strike that it was given. */
  hitBroker(): void;
  /** Lets the blow fall of a strike that has hit. */
  fall<Result>(blow: () => Promise<Result>): Promise<Result>;
}

const PARKING = ['ROOM_TO_WAIT', 'PARK_STEP'];

export function createStrikes(planned: readonly Strike[]): Strikes {
  const strikes = [...planned];
  let passed = 0;
  let falling = 0;

  const pass = (matches: (at: Moment) => boolean): Strike | null => {
    const strike = strikes[0];
    if (strike === undefined || !matches(strike.at)) return null;
    passed += 1;
    if (passed < strike.at.nth) return null;
    strikes.shift();
    passed = 0;
    falling += 1;
    return strike;
  };

  return {
    get due() {
      return strikes.length;
    },
    get mayDecide() {
      const at = strikes[0]?.at;
      const parking =
        (at?.on === 'event' && at.event === 'step:waiting') ||
        (at?.on === 'statement' && PARKING.includes(at.name));
      return falling === 0 && !parking;
    },
    onStatement: (name, listening) =>
      pass(
        (at) =>
          at.on === 'statement' &&
          (at.name === name || at.name === ANY) &&
          (at.since === 'start' || listening),
      ),
    onCall: () => pass((at) => at.on === 'call'),
    ofBroker() {
      const strike = strikes[0];
      if (strike?.at.on !== 'event' || (strike.blow !== 'kill' && strike.blow !== 'drain')) return null;
      const { event, step, nth } = strike.at;
      return { event, step, nth, blow: strike.blow };
    },
    hitBroker: () => void strikes.shift(),
    async fall(blow) {
      try {
        return await blow();
      } finally {
        falling -= 1;
      }
    },
  };
}
