import {DatabaseUnavailableError, OverloadedError} from './errors.ts';

/** What the pool needs of a connection. */
export interface Poolable {
  on(event: 'error' | 'end', listener: () => void): unknown;
  destroy(): void;
  end(): Promise<void>;
}

export interface PoolOptions<C extends Poolable> {
  readonly connect: () => Promise<C>;
  /** Connections at most, the ones being opened included. */
  readonly size: number;
  /** Requests at most that wait for a connection; the next one is refused. */
  readonly queueLimit: number;
  /** Longest wait for a connection, in milliseconds. */
  readonly waitMs: number;
}

export interface PoolStates {
  readonly idle: number;
  readonly used: number;
  readonly connecting: number;
  /** Requests that wait, not connections. */
  readonly pending: number;
}

interface Waiter<C> {
  readonly give: (connection: C) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * A pool of connections.
 *
 * mysql2 has one, but its password is fixed when it is made (here it is a mounted file that gets rotated) and a request may
 * wait in its queue for ever, where overload must become a prompt 503.
 */
export class Pool<C extends Poolable> {
  readonly #options: PoolOptions<C>;
  /** Last in, first out: under little load the same few connections stay warm. */
  readonly #idle: C[] = [];
  readonly #used = new Set<C>();
  readonly #waiters = new Set<Waiter<C>>();
  #connecting = 0;
  #closed = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
  }

  states(): PoolStates {
    return {
      idle: this.#idle.length,
      used: this.#used.size,
      connecting: this.#connecting,
      pending: this.#waiters.size,
    };
  }

  /**
   * Lends a connection; give it back with `release` or `discard`.
   *
   * @param suits - which of those that are free is taken first; any other one is taken where none does
   * @throws {OverloadedError} when too many wait already, or the wait took too long.
   * @throws {DatabaseUnavailableError} when the pool is closed; or what `connect` threw.
   */
  async acquire(suits: (connection: C) => boolean = () => true): Promise<C> {
    if (this.#closed) throw new DatabaseUnavailableError('The connection pool is closed');
    // Where none suits, -1 is the last one.
    const [idle] = this.#idle.splice(this.#idle.findLastIndex(suits), 1);
    if (idle !== undefined) {
      this.#used.add(idle);
      return idle;
    }
    if (this.#total() < this.#options.size) return this.#open();
    if (this.#waiters.size >= this.#options.queueLimit) {
      throw new OverloadedError(`${this.#options.queueLimit} requests wait for a database connection already`);
    }
    return this.#wait();
  }

  /** Gives back a connection that is in a known state: no transaction, no statement under way. */
  release(connection: C): void {
    if (!this.#used.has(connection)) return;
    const waiter = this.#nextWaiter();
    if (waiter !== undefined) {
      waiter.give(connection);
      return;
    }
    if (this.#closed) {
      void connection.end().finally(() => this.#forget(connection));
      return;
    }
    this.#used.delete(connection);
    this.#idle.push(connection);
  }

  /** Gives back a connection that must not be used again. */
  discard(connection: C): void {
    connection.destroy();
    this.#forget(connection);
  }

  /**
   * Lends no more connections, waits for the lent ones to come back, and ends all. Those who wait for one still get it,
   * so that requests in flight finish.
   */
  async close(): Promise<void> {
    this.#closed = true;
    const idle = this.#idle.splice(0);
    await Promise.allSettled(idle.map((connection) => connection.end()));
    if (this.#isEmpty()) return;
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  async #open(): Promise<C> {
    this.#connecting++;
    try {
      const connection = await this.#options.connect();
      connection.on('error', () => this.#forget(connection));
      connection.on('end', () => this.#forget(connection));
      this.#used.add(connection);
      return connection;
    } finally {
      this.#connecting--;
      if (this.#total() < this.#options.size) this.#openForWaiter();
      this.#settle();
    }
  }

  /** A slot became free without a connection to hand over: whoever waits longest opens the next one. */
  #openForWaiter(): void {
    const waiter = this.#nextWaiter();
    if (waiter !== undefined) this.#open().then(waiter.give, waiter.fail);
  }

  #forget(connection: C): void {
    const wasUsed = this.#used.delete(connection);
    const position = this.#idle.indexOf(connection);
    if (position !== -1) this.#idle.splice(position, 1);
    if (wasUsed || position !== -1) this.#openForWaiter();
    this.#settle();
  }

  #wait(): Promise<C> {
    return new Promise<C>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new OverloadedError(`No database connection became free within ${this.#options.waitMs} ms`));
      }, this.#options.waitMs);
      const waiter: Waiter<C> = {
        give: (connection) => {
          clearTimeout(timer);
          resolve(connection);
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #nextWaiter(): Waiter<C> | undefined {
    const [waiter] = this.#waiters;
    if (waiter !== undefined) this.#waiters.delete(waiter);
    return waiter;
  }

  #total(): number {
    return this.#idle.length + this.#used.size + this.#connecting;
  }

  #isEmpty(): boolean {
    return this.#total() === 0 && this.#waiters.size === 0;
  }

  #settle(): void {
    if (this.#closed && this.#isEmpty()) this.#whenEmpty?.();
  }
}
