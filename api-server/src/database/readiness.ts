import {causeOf, type Cause} from './cause.ts';
import type {Connection, Connector} from './connect.ts';
import {repeat, type Repeating} from '../repeat.ts';
import {withDeadline} from './deadline.ts';

/** Misses in a row after which the database counts as gone; one answer counts as back. */
const MISSES_ALLOWED = 3;
/** Longest wait for a handshake, and for an answer, of a probe. */
export const PROBE_TIMEOUT_MS = 2000;

export interface ReadinessOptions {
  readonly connect: Connector;
  /** Milliseconds from one probe's end to the next one's begin. */
  readonly intervalMs: number;
  /** Called when the answer changes, with what was wrong. */
  readonly onChange: (ready: boolean, error: unknown) => void;
}

/**
 * Asks the database on a connection of its own whether it answers. The pool isn't used on purpose: a pool that is
 * exhausted means load, and a pod that leaves its Service because of load puts its load on the others.
 */
export class DatabaseReadiness {
  readonly #options: ReadinessOptions;
  #connection: Connection | undefined;
  #misses = MISSES_ALLOWED;
  #failure: Cause | undefined;
  #rounds: Repeating | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** False before the first answer, and after three misses in a row until the next answer. */
  get ready(): boolean {
    return this.#misses < MISSES_ALLOWED;
  }

  /** Why the last probe failed; undefined after one that was answered, and before the first. */
  get failure(): Cause | undefined {
    return this.#failure;
  }

  start(): void {
    this.#rounds = repeat(async () => {
      await this.#probe();
      return this.#options.intervalMs;
    });
  }

  async stop(): Promise<void> {
    await this.#rounds?.stop();
    await this.#connection?.end();
  }

  async #probe(): Promise<void> {
    const before = this.ready;
    try {
      this.#connection ??= await this.#open();
      await withDeadline(this.#connection.query('SELECT 1'), PROBE_TIMEOUT_MS, 'probing');
      this.#misses = 0;
      this.#failure = undefined;
      if (!before) this.#options.onChange(true, undefined);
    } catch (error) {
      this.#connection?.destroy();
      this.#connection = undefined;
      this.#failure = causeOf(error);
      this.#misses = Math.min(this.#misses + 1, MISSES_ALLOWED);
      if (before && this.#misses === MISSES_ALLOWED) this.#options.onChange(false, error);
    }
  }

  async #open(): Promise<Connection> {
    const connection = await this.#options.connect();
    const forget = (): void => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    connection.on('error', forget);
    connection.on('end', forget);
    return connection;
  }
}
