import type { Events } from '../../events.ts';
import { createBoundary } from '../../host/boundary.ts';
import { Grants } from '../../model/grant.ts';
import { completeLimits } from '../../model/limits.ts';
import { packFromLane, unpackToLane } from '../../sandbox/batch.ts';
import { Convictions } from '../../sandbox/lanes/convictions.ts';
import { LanePool } from '../../sandbox/lanes/lane-pool.ts';
import type { OpenLink } from '../../sandbox/lanes/link.ts';
import { Room } from '../../sandbox/lanes/room.ts';
import { CLOCK_BYTES, CLOCK_RUNNING, NOT_RUNNING } from '../../sandbox/protocol.ts';
import { runInvocation } from '../../sandbox/run-invocation.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { WorkerAttack } from '../attack.ts';
import { ECHO_TEXT } from '../guests/text.ts';
import type { HandlerEnd } from './attack-handler.ts';
import { addHandler } from './handler-folder.ts';
import { startRunner } from './run-steps.ts';
import { TARGET_LIMITS, type Target } from './target.ts';

/** Runs a step on lanes whose other side is taken over: everything else is the broker's own. */
export async function attackWorker(
  id: string,
  attack: WorkerAttack,
  target: Target,
  events: Events,
): Promise<HandlerEnd> {
  const name = id.replaceAll('-', '_');
  const bytes = await target.assemble({ wat: ECHO_TEXT });
  const requests = attack.grants ?? [];
  const entry = await addHandler(target.folder, { name, bytes, requests }, target.admit, events);
  const lanes = takenOverLanes(attack, events);
  const limits = completeLimits({ ...TARGET_LIMITS, ...attack.limits });
  const meets = {
    lanes,
    limitsFor: () => limits,
    tierOf: () => 'process' as const,
    boundary: createBoundary(target.services),
  };
  const sandbox: Sandbox = {
    ...target.sandbox,
    execute: (artifact, options) => runInvocation(meets, artifact, options),
  };
  const grants = { [name]: Grants.parse(requests) };
  try {
    await using runner = startRunner({ sandbox, entries: [entry], grants, limits, events });
    const { stored, ...ended } = await runner.run({ callable: name });
    return { ...ended, stored: [stored], servesOn: true };
  } finally {
    await lanes.close();
  }
}

const ROOM_BYTES = 1024 * 1024 * 1024;

function takenOverLanes({ posts }: WorkerAttack, events: Events): LanePool {
  return new LanePool({
    lanes: 1,
    slotsPerLane: 1,
    recycleAfter: null,
    distrustsClock: true,
    convictions: new Convictions(() => {}),
    room: new Room(ROOM_BYTES),
    onLaneLost: (lane, reason) => events.emit('lane:lost', { lane, reason }),
    open: takenOver(posts),
  });
}

/** A link whose other side says what it is told to, as soon as it is given an invocation. */
function takenOver(posts: WorkerAttack['posts']): OpenLink {
  return (receive) => {
    let end: (reason: string | null) => void = () => {};
    const ended = new Promise<string | null>((resolve) => (end = resolve));
    const clock = new Float64Array(CLOCK_BYTES / Float64Array.BYTES_PER_ELEMENT);
    clock[CLOCK_RUNNING] = NOT_RUNNING;
    setImmediate(() => receive(packFromLane([{ type: 'ready' }])));
    const speak = async (slot: number) => {
      for (const post of posts(slot)) {
        // One at a time, so that what comes first is answered first.
        await new Promise((resolve) => setImmediate(resolve));
        receive('raw' in post ? post.raw : packFromLane(post));
      }
    };
    return {
      clock,
      claims: null,
      ended,
      tier: 'process',
      kill: () => end(null),
      postMessage(post) {
        if (!(post instanceof ArrayBuffer)) {
          if (post.type === 'close') end(null);
          return;
        }
        for (const message of unpackToLane(post)) if (message.type === 'invoke') void speak(message.slot);
      },
    };
  };
}
