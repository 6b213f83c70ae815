import { type BrokerProcess, type Exit, startBrokerProcess } from './broker-process.ts';
import type { EventStrike } from './child-protocol.ts';
import { ANY, type Blow, type Fault, type Strike } from './faults.ts';
import type { ChaosDatabase } from './postgres-server.ts';
import type { Wire, Strike as WireStrike } from './wire.ts';
import type { World } from './world.ts';

export interface FleetOptions {
  readonly fault: Fault;
  readonly database: ChaosDatabase;
  readonly world: World;
  readonly configFile: string;
  /** Written into the environment of every process. */
  readonly mark: string;
  /** Ends PostgreSQL and starts it again. */
  readonly killPostgres: (blow: Blow) => Promise<void>;
  /** A broker has ended and its sessions with it; its successor does not run yet. */
  readonly onDeath: (exit: Exit, ports: readonly number[]) => Promise<void>;
}

/** Brokers that are started again whenever they end, and the fault that strikes them. */
export interface Fleet {
  /** Resolves when every broker has been ready once. */
  readonly ready: Promise<void>;
  /** False while a blow falls, while a broker is missing, and while a blow at a step that waits is due. */
  readonly mayDecide: boolean;
  /** Strikes that have not hit yet. */
  readonly due: number;
  /** Brokers that ended by themselves although they ran. */
  readonly crashes: readonly string[];
  readonly starts: number;
  /** Drains all; resolves when they are gone. */
  stop(): Promise<void>;
}

const STARTS_MAX = 12;
const nameOf = (slot: number) => `broker-${slot}`;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { fault, database, world } = options;
  const wires = await Promise.all(Array.from({ length: fault.brokers }, () => database.openWire()));
  const brokers: BrokerProcess[] = [];
  const crashes: string[] = [];
  const strikes = [...fault.strikes];
  const up = new Set<number>();
  /** Blows that are falling. */
  let falling = 0;
  /** Brokers that have come through their start. */
  const listening = new Set<number>();
  let passed = 0;
  let starts = 0;
  let stopping = false;

  /** The strike that is due, if it is of this kind and its time has come. */
  const hit = (matches: (strike: Strike) => boolean): Strike | null => {
    const strike = strikes[0];
    if (strike === undefined || !matches(strike)) return null;
    passed += 1;
    if (passed < strike.at.nth) return null;
    strikes.shift();
    passed = 0;
    falling += 1;
    return strike;
  };

  const strikeBroker = async (broker: BrokerProcess | undefined, blow: Blow): Promise<'go on' | 'cut'> => {
    try {
      return await fall(broker, blow);
    } finally {
      falling -= 1;
    }
  };

  const fall = async (broker: BrokerProcess | undefined, blow: Blow): Promise<'go on' | 'cut'> => {
    if (blow === 'cut' || broker === undefined) return 'cut';
    if (blow === 'kill') await broker.kill();
    else if (blow === 'drain') await broker.drain();
    else if (blow === 'lanes') await broker.killLanes();
    else await options.killPostgres(blow);
    return blow === 'drain' || blow === 'lanes' ? 'go on' : 'cut';
  };

  const watch = (wire: Wire, slot: number): void => {
    wire.onStatement = (name): WireStrike | null => {
      const strike = hit(
        ({ at }) =>
          at.on === 'statement' &&
          (at.name === name || at.name === ANY) &&
          (at.since === 'start' || listening.has(slot)),
      );
      if (name === 'LISTEN') listening.add(slot);
      if (strike === null || strike.at.on !== 'statement') return null;
      const { phase, share } = strike.at;
      return { phase, share, act: () => strikeBroker(brokers[slot], strike.blow) };
    };
  };

  world.onCall = async (_task, name) => {
    const strike = hit(({ at }) => at.on === 'call');
    if (strike === null) return;
    const broker = brokers.find((_broker, slot) => nameOf(slot) === name);
    await strikeBroker(broker, strike.blow);
    // The guest gets no answer before it is broken off.
    if (strike.blow === 'drain') await broker?.exited;
  };

  const eventStrike = (): EventStrike | null => {
    const strike = strikes[0];
    if (strike?.at.on !== 'event' || (strike.blow !== 'kill' && strike.blow !== 'drain')) return null;
    const { event, step, nth } = strike.at;
    return { event, step, nth, blow: strike.blow };
  };

  const keepAlive = async (wire: Wire, slot: number, onReady: () => void): Promise<void> => {
    while (!stopping && starts < STARTS_MAX) {
      starts += 1;
      const strike = eventStrike();
      const settings = {
        configFile: options.configFile,
        databaseUrl: wire.urlOf(),
        name: nameOf(slot),
        strike,
      };
      const broker = startBrokerProcess(settings, options.mark);
      brokers[slot] = broker;
      listening.delete(slot);
      let ready = false;
      void broker.ready.then(() => {
        ready = true;
        up.add(slot);
        onReady();
      });
      const exit = await broker.exited;
      up.delete(slot);
      if (strike !== null && !stopping) strikes.shift();
      // A broker that finds no database when it starts says so and ends; later it has to go on.
      const failed = exit.code !== 0 && exit.signal !== 'SIGKILL';
      if (failed && (ready || !/ERR_DATABASE_UNAVAILABLE/.test(exit.stderr))) crashes.push(exit.stderr);
      await options.onDeath(exit, wire.ports);
    }
  };

  const lives: Promise<void>[] = [];
  const readies = wires.map((wire, slot) => {
    watch(wire, slot);
    return new Promise<void>((resolve) => lives.push(keepAlive(wire, slot, resolve)));
  });

  return {
    ready: Promise.all(readies).then(() => {}),
    get mayDecide() {
      const at = strikes[0]?.at;
      const parking =
        (at?.on === 'event' && at.event === 'step:waiting') ||
        (at?.on === 'statement' && ['ROOM_TO_WAIT', 'PARK_STEP'].includes(at.name));
      return falling === 0 && up.size === wires.length && !parking;
    },
    get due() {
      return strikes.length;
    },
    crashes,
    get starts() {
      return starts;
    },
    async stop() {
      stopping = true;
      await Promise.all(brokers.map((broker) => Promise.race([broker.ready, broker.exited])));
      await Promise.all(brokers.map((broker) => broker.drain()));
      await Promise.all(lives);
      await Promise.all(wires.map((wire) => wire.close()));
    },
  };
}
