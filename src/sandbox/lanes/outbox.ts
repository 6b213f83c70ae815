import type { Artifact } from '../../catalog/artifact.ts';
import type { Limits } from '../../model/limits.ts';
import { type ObjectToLane, type PackedToLane, packToLane } from '../batch.ts';
import { Gathered } from '../gathered.ts';
import type { LaneLink } from './link.ts';
import { Told } from './told.ts';

/** What a lane knows at a time. An invocation that runs keeps its module whatever the lane forgets. */
const MODULES_MAX = 256;
const LIMITS_MAX = 256;

/** The sending half of a lane's port: gathers messages into batches, and tells modules and limits once. */
export class Outbox {
  readonly #link: LaneLink;
  readonly #modules = new Told<Artifact>(MODULES_MAX, (artifact, moduleId, forgets) => {
    const { manifest: _, digest: __, capabilities: ___, places: ____, bytes, ...module } = artifact;
    const known = this.#link.tier === 'process' ? { ...module, bytes } : module;
    this.sendObject({ type: 'module', moduleId, forgets, ...known });
  });
  readonly #limits = new Told<Limits>(LIMITS_MAX, (limits, limitsId, forgets) =>
    this.sendObject({ type: 'limits', limitsId, forgets, limits }),
  );
  readonly #gathered: Gathered<PackedToLane>;
  #flushes = false;
  #flushesLater = false;

  constructor(link: LaneLink) {
    this.#link = link;
    this.#gathered = new Gathered(link.tier);
  }

  /** With what else this turn of the event loop has to say before it looks elsewhere. */
  send(message: PackedToLane): void {
    if (this.#pack(message) || this.#flushes) return;
    this.#flushes = true;
    queueMicrotask(() => {
      this.#flushes = false;
      this.#flush();
    });
  }

  /** At the end of this turn, with what else its sockets bring; earlier if something is sent before. */
  sendLater(message: PackedToLane): void {
    if (this.#pack(message) || this.#flushesLater) return;
    this.#flushesLater = true;
    setImmediate(() => {
      this.#flushesLater = false;
      this.#flush();
    });
  }

  /** After what was sent before. */
  sendObject(message: ObjectToLane): void {
    this.#flush();
    this.#link.postMessage(message);
  }

  /** The number by which the lane knows a module from now on. */
  moduleId(artifact: Artifact): number {
    return this.#modules.idOf(artifact);
  }

  /** The number by which the lane knows a set of limits from now on. */
  limitsId(limits: Limits): number {
    return this.#limits.idOf(limits);
  }

  /** True when the batch was full and has gone. */
  #pack(message: PackedToLane): boolean {
    if (!this.#gathered.add(message)) return false;
    this.#flush();
    return true;
  }

  #flush(): void {
    if (!this.#gathered.isEmpty) this.#link.postMessage(packToLane(this.#gathered.take()));
  }
}
