import {randomUUID} from 'node:crypto';
import {mark, elapsedMs, type Clock} from './clock.ts';
import {ApiError, messageOf} from './errors.ts';
import type {Logger} from './logger.ts';
import type {Metrics, ReconcileResult} from './metrics.ts';
import {retry, type Outcome} from './outcome.ts';
import type {WorkQueue} from './work-queue.ts';

/** What a reconcile is given beside its key. */
export interface ReconcileContext {
  /** Identifies this run in logs. */
  readonly id: string;
  /** Aborted when the controller stops. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

export type Reconcile = (key: string, context: ReconcileContext) => Promise<Outcome>;

/** Options of a controller. */
export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  /** How many keys at once. */
  workers: number;
  reconcile: Reconcile;
  /** False while a cache hasn't seen the key's own last writes; the reconcile is put off until it has. */
  fresh?: (key: string) => boolean;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
}

/** What becomes of a key after a reconcile. */
export type Requeue =
  | {readonly kind: 'forget'}
  | {readonly kind: 'after'; readonly afterMs: number}
  | {readonly kind: 'backoff'; readonly atLeastMs: number};

/** The one place where an outcome becomes a requeue. */
export function requeueOf(outcome: Outcome): Requeue {
  switch (outcome.kind) {
    case 'done':
    case 'terminal':
      return {kind: 'forget'};
    case 'wait':
      return {kind: 'after', afterMs: outcome.afterMs};
    case 'retry': {
      if (outcome.afterMs !== undefined) {
        return {kind: 'after', afterMs: outcome.afterMs};
      }
      const serverAsked = outcome.error instanceof ApiError ? outcome.error.retryAfterSeconds : undefined;
      return {kind: 'backoff', atLeastMs: (serverAsked ?? 0) * 1000};
    }
  }
}

/**
 * While the cache is behind our own writes, the watch event that brings it up to date also brings the key back. This is
 * only the net below, for a write that the watch doesn't show because it left the selector.
 */
const STALE_RECHECK_MS = 1000;

/** Takes keys from a queue and reconciles them, each in its own right: what one does or throws never reaches another. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #abort = new AbortController();
  #workers: Promise<void>[] = [];

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  start(): void {
    const {metrics, name, workers} = this.#options;
    if (this.#workers.length > 0) {
      throw new Error(`Controller ${name} is already started`);
    }
    metrics?.maxConcurrentReconciles.set({controller: name}, workers);
    metrics?.activeWorkers.set({controller: name}, 0);
    this.#workers = Array.from({length: workers}, () => this.#work());
  }

  /** Takes no new keys, aborts the context's signal and waits for the reconciles under way. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#options.queue.shutDown();
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    const {queue} = this.#options;
    for (;;) {
      const key = await queue.get();
      if (key === undefined) {
        return;
      }
      try {
        if (!this.#abort.signal.aborted) {
          await this.#process(key);
        }
      } finally {
        queue.done(key);
      }
    }
  }

  async #process(key: string): Promise<void> {
    const {clock, fresh, metrics, name, queue} = this.#options;
    if (fresh?.(key) === false) {
      queue.addAfter(key, STALE_RECHECK_MS);
      return;
    }
    const labels = {controller: name};
    const started = mark(clock);
    metrics?.activeWorkers.inc(labels);
    try {
      const outcome = await this.#reconcile(key);
      this.#requeue(key, outcome);
      this.#count(outcome);
    } finally {
      metrics?.activeWorkers.dec(labels);
      metrics?.reconcileSeconds.observe(labels, elapsedMs(clock, started) / 1000);
    }
  }

  async #reconcile(key: string): Promise<Outcome> {
    const {logger, metrics, name, reconcile} = this.#options;
    const id = randomUUID();
    try {
      return await reconcile(key, {id, signal: this.#abort.signal, logger});
    } catch (error) {
      metrics?.reconcilePanics.inc({controller: name});
      logger.error({controller: name, key, reconcileID: id, err: error}, 'Reconcile threw');
      return retry(error);
    }
  }

  #requeue(key: string, outcome: Outcome): void {
    const {logger, name, queue} = this.#options;
    const requeue = requeueOf(outcome);
    switch (requeue.kind) {
      case 'forget':
        queue.forget(key);
        break;
      case 'after':
        queue.forget(key);
        queue.addAfter(key, requeue.afterMs);
        break;
      case 'backoff':
        queue.addRateLimited(key, requeue.atLeastMs);
        break;
    }
    if (outcome.kind === 'retry') {
      const failures = queue.failures(key);
      logger.warn({controller: name, key, failures, reason: messageOf(outcome.error)}, 'Reconcile failed, will retry');
    } else if (outcome.kind === 'terminal') {
      logger.warn({controller: name, key, reason: outcome.reason, detail: outcome.message}, 'Reconcile needs a change');
    }
  }

  #count(outcome: Outcome): void {
    const {metrics, name} = this.#options;
    const labels = {controller: name};
    metrics?.reconciles.inc({...labels, result: resultOf(outcome)});
    if (outcome.kind === 'retry' || outcome.kind === 'terminal') {
      metrics?.reconcileErrors.inc(labels);
    }
    if (outcome.kind === 'terminal') {
      metrics?.terminalReconcileErrors.inc(labels);
    }
  }
}

function resultOf(outcome: Outcome): ReconcileResult {
  switch (outcome.kind) {
    case 'done':
      return 'success';
    case 'wait':
      return 'requeue_after';
    case 'retry':
    case 'terminal':
      return 'error';
  }
}
