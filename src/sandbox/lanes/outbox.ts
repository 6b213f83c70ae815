import type { Artifact } from '../../catalog/artifact.ts';
import type { Limits } from '../../model/limits.ts';
import { type ObjectToLane, type PackedToLane, packToLane } from '../batch.ts';
import type { LaneLink } from './link.ts';
import { Told } from './told.ts';

/** Messages wait for others until there are so many, so that both threads work at the same time. */
const BATCH_MAX = 16;
/** What a lane knows at a time. An invocation that runs keeps its module whatever the lane forgets. */
const MODULES_MAX = 256;
const LIMITS_MAX = 256;

/** The sending half of a lane's port: gathers messages into batches, and tells modules and limits once. */
export class Outbox {
  readonly #link: LaneLink;
  readonly #modules = new Told<Artifact>(MODULES_MAX, (artifact, moduleId, forgets) => {
    const { manifest: _, digest: __, capabilities: ___, places: ____, bytes, ...module } = artifact;
    const known = this.#link.needsBytes ? { ...module, bytes } : module;
    this.sendObject({ type: 'module', moduleId, forgets, ...known });
  });
  readonly #limits = new Told<Limits>(LIMITS_MAX, (limits, limitsId, forgets) =>
    this.sendObject({ type: 'limits', limitsId, forgets, limits }),
  );
  #packed: PackedToLane[] = [];

  constructor(link: LaneLink) {
    this.#link = link;
  }

  send(message: PackedToLane): void {
    const count = this.#packed.push(message);
    if (count === 1) queueMicrotask(() => this.#flush());
    else if (count === BATCH_MAX) this.#flush();
  }

  /** The same at the end of this turn of the event loop, with what else its sockets bring. */
  sendLater(message: PackedToLane): void {
    const count = this.#packed.push(message);
    if (count === 1) setImmediate(() => this.#flush());
    else if (count === BATCH_MAX) this.#flush();
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

  #flush(): void {
    if (this.#packed.length === 0) return;
    const batch = packToLane(this.#packed);
    this.#packed = [];
    this.#link.postMessage(batch);
  }
}
