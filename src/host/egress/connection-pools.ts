import { Pool } from 'undici';
import { type Destination, type Dial, openConnection } from './connection.ts';
import { RESPONSE_HEADER_BYTES_MAX } from './http-failure.ts';

/** What has been authorised for a connection: it is used again only where all of this is the same. */
export interface Authorized {
  readonly destination: Destination;
  /** Networks (CIDR) by which its addresses were checked. */
  readonly privateNetworks: readonly string[];
  /** Handler and grants, as text. */
  readonly connectionsOf: string;
  readonly connectTimeoutMs: number;
}

/** Connections that one pool may have open; further requests wait for one within their time to connect. */
const SOCKETS_PER_POOL = 32;
/** Pools kept; the least recently used one above that is closed when its requests have ended. */
const POOLS_MAX = 64;
/** An idle connection is closed after this time, or earlier where the server announces it. Short: many servers close theirs
 * after two seconds without a word, and a request that meets that moment fails. */
const IDLE_MS = 1000;

/**
 * Connection pools, one for each set of grants and checked destination. A changed policy or another answer of the resolver
 * is another pool: nothing rides an open socket to a place that would be refused now. undici does the HTTP; what it is given
 * are sockets that `openConnection` opened.
 */
export class ConnectionPools {
  readonly #dial: Dial;
  readonly #ca: string | undefined;
  /** In the order of last use. */
  readonly #pools = new Map<string, Pool>();
  #lastKey: string | null = null;
  readonly #closing = new AbortController();

  constructor(dial: Dial, ca: string | undefined) {
    this.#dial = dial;
    this.#ca = ca;
  }

  /** The pool for what was authorised. */
  take(authorized: Authorized): Pool {
    this.#closing.signal.throwIfAborted();
    const key = keyOf(authorized);
    const known = this.#pools.get(key);
    if (known !== undefined && key === this.#lastKey) return known;
    const pool = known ?? this.#create(authorized);
    this.#pools.delete(key);
    this.#pools.set(key, pool);
    this.#lastKey = key;
    this.#retire();
    return pool;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the HTTP client is closed'));
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy().catch(ignore)));
  }

  #create({ destination, connectTimeoutMs }: Authorized): Pool {
    return new Pool(destination.url.origin, {
      connect: (_, callback) => {
        openConnection(destination, this.#dial, this.#ca, connectTimeoutMs, this.#closing.signal).then(
          (socket) => callback(null, socket),
          (error: unknown) => callback(error as Error, null),
        );
      },
      connections: SOCKETS_PER_POOL,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: RESPONSE_HEADER_BYTES_MAX,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      // Whoever sends a request watches over its times.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  #retire(): void {
    for (const [key, pool] of this.#pools) {
      if (this.#pools.size <= POOLS_MAX) return;
      this.#pools.delete(key);
      pool.close().catch(ignore);
    }
  }
}

/** None of the parts can contain a line break, and the order of addresses and networks says nothing. */
function keyOf({ destination, privateNetworks, connectionsOf, connectTimeoutMs }: Authorized): string {
  const { url, addresses } = destination;
  return `${sorted(addresses)}\n${sorted(privateNetworks)}\n${url.origin}\n${connectTimeoutMs}\n${connectionsOf}`;
}

function sorted(texts: readonly string[]): string {
  return texts.toSorted().join();
}

function ignore(): void {}
