import { type BrokerProcess, type Exit, startBrokerProcess } from './broker-process.ts';
import type { Blow, Fault } from './faults.ts';
import type { ChaosDatabase } from './postgres-server.ts';
import { createStrikes, type Strikes } from './strikes.ts';
import type { Wire } from './wire.ts';
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
  /** A broker has ended; its successor does not run yet. `ports`: of its sessions, as the server sees them. */
  readonly onDeath: (exit: Exit, ports: readonly number[]) => Promise<void>;
}

/** Where a broker runs, and its successor after it. */
interface Slot {
  /** What the world outside calls the brokers of this slot. */
  readonly name: string;
  readonly wire: Wire;
  broker: BrokerProcess | null;
  /** It has come through its start. */
  listening: boolean;
  /** It claims steps. */
  ready: boolean;
}

/** Every one was killed once, some twice; a broker that cannot start at all has to end the run. */
const STARTS_MAX = 12;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { fault, database } = options;
  const wires = await Promise.all(Array.from({ length: fault.brokers }, () => database.openWire()));
  const slots = wires.map(
    (wire, index): Slot => ({ name: `broker-${index}`, wire, broker: null, listening: false, ready: false }),
  );
  return new Fleet(slots, createStrikes(fault.strikes), options);
}

/** Brokers that are started again whenever they end, and the fault that strikes them. */
export class Fleet {
  /** Resolves when every broker has been ready once. */
  readonly ready: Promise<unknown>;
  /** What brokers wrote that ended by themselves, although they ran. */
  readonly crashes: string[] = [];
  starts = 0;
  readonly #options: FleetOptions;
  readonly #slots: readonly Slot[];
  readonly #strikes: Strikes;
  readonly #lives: Promise<void>[] = [];
  #stopping = false;

  constructor(slots: readonly Slot[], strikes: Strikes, options: FleetOptions) {
    this.#options = options;
    this.#slots = slots;
    this.#strikes = strikes;
    for (const slot of slots) this.#watch(slot);
    options.world.onCall = (_task, name) => this.#onCall(name);
    this.ready = Promise.all(
      slots.map((slot) => new Promise<void>((ready) => this.#lives.push(this.#keepAlive(slot, ready)))),
    );
  }

  /** Strikes that have not hit yet. */
  get due(): number {
    return this.#strikes.due;
  }

  /** False also while a broker is missing. */
  get mayDecide(): boolean {
    return this.#strikes.mayDecide && this.#slots.every(({ ready }) => ready);
  }

  /** Drains all; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { broker } of this.#slots)
      if (broker !== null) await Promise.race([broker.ready, broker.exited]);
    await Promise.all(this.#slots.map(({ broker }) => broker?.drain()));
    await Promise.all(this.#lives);
    await Promise.all(this.#slots.map(({ wire }) => wire.close()));
  }

  #watch(slot: Slot): void {
    slot.wire.onStatement = (name) => {
      const strike = this.#strikes.onStatement(name, slot.listening);
      if (name === 'LISTEN') slot.listening = true;
      if (strike?.at.on !== 'statement') return null;
      const { phase, share } = strike.at;
      return { phase, share, act: () => this.#strikes.fall(() => this.#strike(slot, strike.blow)) };
    };
  }

  async #onCall(name: string): Promise<void> {
    const slot = this.#slots.find((one) => one.name === name);
    const strike = this.#strikes.onCall();
    if (strike === null || slot === undefined) return;
    const { broker } = slot;
    await this.#strikes.fall(() => this.#strike(slot, strike.blow));
    // The guest gets no answer before it is broken off.
    if (strike.blow === 'drain') await broker?.exited;
  }

  async #strike({ broker }: Slot, blow: Blow): Promise<'go on' | 'cut'> {
    if (blow === 'kill') await broker?.kill();
    else if (blow === 'drain') await broker?.drain();
    else if (blow === 'lanes') await broker?.killLanes();
    else if (blow !== 'cut') await this.#options.killPostgres(blow);
    return blow === 'drain' || blow === 'lanes' ? 'go on' : 'cut';
  }

  async #keepAlive(slot: Slot, onReady: () => void): Promise<void> {
    while (!this.#stopping && this.starts < STARTS_MAX) {
      this.starts += 1;
      const strike = this.#strikes.ofBroker();
      const exit = await this.#live(slot, strike, onReady);
      if (strike !== null && !this.#stopping) this.#strikes.hitBroker();
      await this.#options.onDeath(exit, slot.wire.ports);
    }
  }

  /** One broker's life in a slot. */
  async #live(slot: Slot, strike: ReturnType<Strikes['ofBroker']>, onReady: () => void): Promise<Exit> {
    const { configFile, mark } = this.#options;
    const { name, wire } = slot;
    const broker = startBrokerProcess({ configFile, databaseUrl: wire.urlOf(), name, strike }, mark);
    let claimed = false;
    void broker.ready.then(() => {
      claimed = true;
      slot.ready = true;
      onReady();
    });
    slot.broker = broker;
    slot.listening = false;
    const exit = await broker.exited;
    slot.ready = false;
    // A broker that finds no database when it starts says so and ends; later it has to go on.
    const failed = exit.code !== 0 && exit.signal !== 'SIGKILL';
    if (failed && (claimed || !exit.stderr.includes('ERR_DATABASE_UNAVAILABLE')))
      this.crashes.push(exit.stderr);
    return exit;
  }
}
