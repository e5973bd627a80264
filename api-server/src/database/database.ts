import type {ResultSetHeader, RowDataPacket} from 'mysql2/promise';
import type {Connection, Connector} from './connect.ts';
import {noAnswer} from './deadline.ts';
import {classify, errnoOf, leavesConnectionUsable} from './errors.ts';
import {Pool, type PoolStates} from './pool.ts';

/** A value that a prepared statement takes. Numbers go as text: MySQL refuses the driver's DOUBLE in LIMIT. */
export type SqlValue = string | Date | Buffer | null;

/** One statement of the product. The name is its label in the metrics, so the set of names is closed. */
export interface Statement {
  readonly name: string;
  readonly sql: string;
}

/** A connection lent for the length of one unit of work. */
export interface Session {
  rows(statement: Statement, values?: readonly SqlValue[]): Promise<readonly RowDataPacket[]>;
  /** @returns how many rows the condition found, whether or not the values differed. */
  change(statement: Statement, values?: readonly SqlValue[]): Promise<number>;
}

export interface DatabaseOptions {
  readonly connect: Connector;
  /** Connections at most. */
  readonly size: number;
  /** Called after each statement with its name and duration in seconds. */
  readonly observe: (statement: string, seconds: number) => void;
  /** Called before each statement with its name; what it gives is called with the outcome. Undefined: nothing is traced. */
  readonly trace?: ((statement: string) => ((error: unknown) => void) | undefined) | undefined;
}

/** Requests that may wait, per connection: at 10 ms a request, the last of them waits well under the longest wait. */
const QUEUED_PER_CONNECTION = 10;
const WAIT_MS = 2000;
const STATEMENT_TIMEOUT_MS = 5000;

const ER_LOCK_DEADLOCK = 1213;
/** InnoDB rolls a whole transaction back on a deadlock, so it may simply run again; thrice is beyond bad luck. */
const DEADLOCK_ATTEMPTS = 3;

const EACH_BY_ITSELF: Statement = {name: 'autocommit-on', sql: 'SET autocommit = 1'};
const TOGETHER: Statement = {name: 'autocommit-off', sql: 'SET autocommit = 0'};
const COMMIT: Statement = {name: 'commit', sql: 'COMMIT'};
const ROLLBACK: Statement = {name: 'rollback', sql: 'ROLLBACK'};

/**
 * The database of the API: prepared statements on a bounded pool. Everything it throws about the server's state is a
 * DatabaseUnavailableError or an OverloadedError; errors of a statement are the driver's, with `errno`.
 */
export class Database {
  readonly #pool: Pool<Connection>;
  readonly #observe: DatabaseOptions['observe'];
  readonly #trace: DatabaseOptions['trace'];
  /**
   * What a connection was set to last. On one that is set to TOGETHER a transaction begins with its first statement; it stays
   * so, and is lent to transactions first: to begin each one would cost another round trip, and a write to a socket is what a
   * request costs most.
   */
  readonly #modes = new WeakMap<Connection, Statement>();

  constructor({connect, size, observe, trace}: DatabaseOptions) {
    this.#pool = new Pool({connect, size, queueLimit: size * QUEUED_PER_CONNECTION, waitMs: WAIT_MS});
    this.#observe = observe;
    this.#trace = trace;
  }

  states(): PoolStates {
    return this.#pool.states();
  }

  /** Runs work on one connection; each statement is a transaction of its own. */
  async run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#withConnection(EACH_BY_ITSELF, (connection) => work(this.#session(connection)));
  }

  /**
   * Runs work in a transaction: committed when its promise is fulfilled, rolled back when rejected. On a deadlock the work
   * runs again, so it must do nothing but statements.
   */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#withConnection(TOGETHER, (connection) => this.#inTransaction(connection, work));
      } catch (error) {
        const deadlock = error instanceof Error && errnoOf(error.cause) === ER_LOCK_DEADLOCK;
        if (!deadlock || attempt === DEADLOCK_ATTEMPTS) throw error;
      }
    }
  }

  /** Waits for work under way, then ends all connections. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  async #inTransaction<T>(connection: Connection, work: (session: Session) => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await work(this.#session(connection));
    } catch (error) {
      // What isn't the server's answer leaves the connection in doubt; it gets discarded, which rolls back too.
      if (leavesConnectionUsable(error)) await this.#text(connection, ROLLBACK);
      throw error;
    }
    await this.#text(connection, COMMIT);
    return result;
  }

  /** @param mode - which of a connection's modes the work is for */
  async #withConnection<T>(mode: Statement, work: (connection: Connection) => Promise<T>): Promise<T> {
    let connection: Connection;
    const suits = (one: Connection): boolean => (this.#modes.get(one) ?? EACH_BY_ITSELF) === mode;
    try {
      connection = await this.#pool.acquire(suits);
    } catch (error) {
      throw classify(error);
    }
    try {
      if (!suits(connection)) await this.#switch(connection, mode);
      const result = await work(connection);
      this.#pool.release(connection);
      return result;
    } catch (error) {
      if (leavesConnectionUsable(error)) this.#pool.release(connection);
      else this.#pool.discard(connection);
      throw classify(error);
    }
  }

  async #switch(connection: Connection, mode: Statement): Promise<void> {
    await this.#text(connection, mode);
    this.#modes.set(connection, mode);
  }

  #session(connection: Connection): Session {
    return {
      rows: (statement, values = []) => this.#execute<RowDataPacket[]>(connection, statement, values),
      change: async (statement, values = []) => {
        const {affectedRows} = await this.#execute<ResultSetHeader>(connection, statement, values);
        return affectedRows;
      },
    };
  }

  /** Transaction control by the text protocol: one round trip, where preparing would cost two on a new connection. */
  #text(connection: Connection, statement: Statement): Promise<unknown> {
    return this.#bounded<unknown>(statement, (done) => connection.connection.query(statement.sql, done));
  }

  /** By the driver's callbacks: its promises, and a race with a time-out on top, cost a request several turns more. */
  #execute<T extends RowDataPacket[] | ResultSetHeader>(
    {connection}: Connection,
    statement: Statement,
    values: readonly SqlValue[],
  ): Promise<T> {
    return this.#bounded<T>(statement, (done) => connection.execute<T>(statement.sql, values as SqlValue[], done));
  }

  /** Sends a statement and waits a bounded time for its end, for the reason that `withDeadline` has. */
  #bounded<T>(statement: Statement, send: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const begin = performance.now();
      const traced = this.#trace?.(statement.name);
      let isOver = false;
      const end = (error: Error | null): boolean => {
        if (isOver) return false;
        isOver = true;
        clearTimeout(timer);
        this.#observe(statement.name, (performance.now() - begin) / 1000);
        traced?.(error);
        return true;
      };
      const timer = setTimeout(() => {
        const error = noAnswer(STATEMENT_TIMEOUT_MS, `running ${statement.name}`);
        if (end(error)) reject(error);
      }, STATEMENT_TIMEOUT_MS);
      send((error, result) => {
        if (!end(error)) return;
        if (error === null) resolve(result);
        else reject(error);
      });
    });
  }
}
