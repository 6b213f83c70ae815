import type { Queryable } from './connection.ts';
import {
  FORGET_INSTANCE,
  LIST_INSTANCES,
  LOCK_INSTANCE,
  REGISTER_INSTANCE,
  STOP_INSTANCE,
} from './sql/recover.ts';

/** One running broker process, as other brokers see it. */
export interface Instance {
  readonly workerUuid: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly pid: number;
}

/**
 * Makes `instance` known and proves that it lives: the session of `client` holds its lock until the connection ends.
 * Done again on every new connection.
 */
export async function holdInstance(client: Queryable, instance: Instance): Promise<void> {
  const { workerUuid, namespace, hostname, pid } = instance;
  await client.query(LOCK_INSTANCE, [workerUuid]);
  await client.query(REGISTER_INSTANCE, [workerUuid, namespace, hostname, pid]);
}

/** To be called last by an instance that ends. Steps it leaves in progress may be recovered at once. */
export async function releaseInstance(database: Queryable, workerUuid: string): Promise<void> {
  await database.query(STOP_INSTANCE, [workerUuid]);
  await forgetInstance(database, workerUuid);
}

/** Removes an instance for good, unless a step still carries its id. */
export async function forgetInstance(database: Queryable, workerUuid: string): Promise<void> {
  await database.query(FORGET_INSTANCE, [workerUuid]);
}

/** Tells which other instances of a namespace are gone. */
export interface Morgue {
  /** Worker ids of those that are certainly gone at `nowMs`. */
  findDead(database: Queryable, nowMs: number): Promise<readonly string[]>;
}

export interface MorgueOptions {
  readonly self: Instance;
  /** How long a lock has to be free before its owner counts as gone: longer than a reconnect takes. */
  readonly graceMs: number;
  /** Whether a process of this machine runs. */
  readonly isProcessAlive: (pid: number) => boolean;
}

/**
 * A lock is also free for the moment in which a live broker reconnects, so a free lock alone convicts nobody: its
 * owner said that it ends, or its process is gone from this machine, or the lock stays free for the grace period.
 */
export function createMorgue({ self, graceMs, isProcessAlive }: MorgueOptions): Morgue {
  const freeSinceMs = new Map<string, number>();
  return {
    async findDead(database, nowMs) {
      const { rows } = await database.query<{
        worker_uuid: string;
        hostname: string;
        pid: number;
        stopped: boolean;
        alive: boolean;
      }>(LIST_INSTANCES, [self.namespace, self.workerUuid]);
      const free = rows.filter(({ alive }) => !alive);
      const freeIds = new Set(free.map(({ worker_uuid }) => worker_uuid));
      for (const known of freeSinceMs.keys()) if (!freeIds.has(known)) freeSinceMs.delete(known);
      return free
        .filter(({ worker_uuid, hostname, pid, stopped }) => {
          const sinceMs = freeSinceMs.get(worker_uuid) ?? nowMs;
          freeSinceMs.set(worker_uuid, sinceMs);
          return (
            stopped || nowMs - sinceMs >= graceMs || (hostname === self.hostname && !isProcessAlive(pid))
          );
        })
        .map(({ worker_uuid }) => worker_uuid);
    },
  };
}

/** Signal 0 sends nothing; EPERM means that the process exists and belongs to somebody else. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
