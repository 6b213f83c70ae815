import { LRUCache } from 'lru-cache';

/** Bounds of the cache. */
export interface CacheOptions {
  /** Bytes of keys and values that one handler may keep in one namespace; the least recently used go first. */
  readonly maxBytes: number;
  /** Handlers in namespaces that are kept; the least recently used goes whole. */
  readonly maxHandlers: number;
  /** Milliseconds that only go forward; default the process's clock. */
  readonly now?: () => number;
}

/** Whose value it is. Nothing of one handler is seen by another, nor by another version of it. */
export interface CacheOwner {
  readonly namespace: string;
  readonly digest: string;
}

/**
 * Values that handlers keep from one step to the next, for a while: the only state of a guest that outlives its step. In
 * memory of this broker; it may be gone at any time.
 */
export interface HandlerCache {
  get(owner: CacheOwner, key: string): Uint8Array | null;
  /** False where the value has no room at all. */
  put(owner: CacheOwner, key: string, value: Uint8Array, ttlMs: number): boolean;
}

/** What a key costs beside its bytes. */
const ENTRY_BYTES = 128;

/** A cache within these bounds. */
export function createHandlerCache({ maxBytes, maxHandlers, now }: CacheOptions): HandlerCache {
  const clock = now === undefined ? {} : { perf: { now }, ttlResolution: 0 };
  const owners = new LRUCache<string, LRUCache<string, Uint8Array>>({ max: maxHandlers });
  const newOwner = () =>
    new LRUCache<string, Uint8Array>({
      maxSize: maxBytes,
      sizeCalculation: (value, key) => ENTRY_BYTES + Buffer.byteLength(key) + value.byteLength,
      ...clock,
    });
  const nameOf = ({ namespace, digest }: CacheOwner) => `${namespace}\0${digest}`;
  return Object.freeze({
    get: (owner: CacheOwner, key: string) => owners.get(nameOf(owner))?.get(key) ?? null,
    put(owner: CacheOwner, key: string, value: Uint8Array, ttlMs: number): boolean {
      const name = nameOf(owner);
      const own = owners.get(name) ?? newOwner();
      owners.set(name, own);
      own.set(key, value, { ttl: ttlMs });
      return own.has(key);
    },
  });
}
