import {randomBytes} from 'node:crypto';
import type {KubeClient} from './client.ts';
import {delay, type Clock, type TimerHandle} from './clock.ts';
import {isApiError, messageOf} from './errors.ts';
import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';
import {microTime} from './micro-time.ts';
import type {ObjectReference, ResourceRef} from './types.ts';

/** Options of a recorder. */
export interface EventRecorderOptions {
  client: Pick<KubeClient, 'create' | 'patch'>;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
  /** `example.io/operator` or the like. */
  reportingController: string;
  /** Usually the pod's name. */
  reportingInstance: string;
}

/** What happened, for `kubectl describe` and `kubectl events`. */
export interface EventInput {
  regarding: ObjectReference;
  related?: ObjectReference;
  type: 'Normal' | 'Warning';
  /** CamelCase, from a catalogue. */
  reason: string;
  /** CamelCase: what was done or found. */
  action: string;
  /** Cut to 1 kB. */
  note: string;
}

/** Equal events: the first is created, the others are counted in it. */
interface Series {
  readonly event: EventInput;
  readonly namespace: string;
  readonly name: string;
  readonly firstAt: number;
  count: number;
  lastAt: number;
  /** What the server knows; 0 = not created yet. */
  sentCount: number;
  sentAt: number;
  timer: TimerHandle | undefined;
}

const EVENTS: ResourceRef = {apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true};

/** The API's limit for a note. */
const MAX_NOTE_BYTES = 1024;
/** As client-go: equal events further apart are different ones. */
const SERIES_GAP_MS = 360_000;
/** How often the count of a series is written, from the second event on. */
const SERIES_WRITE_MS = 300_000;
/** As client-go's spam filter: so many events of one object at once, then one each five minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
const MAX_PENDING = 1_000;
const TRIES = 3;
const RETRY_MS = 1_000;
const STOP_MS = 3_000;

/**
 * Writes events through events.k8s.io/v1, aggregated into series. Events are best effort: recording never throws, never
 * waits and never holds more than a bounded number.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, {tokens: number; at: number}>();
  readonly #pending = new Set<Series>();
  readonly #aborted = new AbortController();
  #writing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Takes note of an event. */
  record(event: EventInput): void {
    if (this.#stopped) {
      return;
    }
    const now = this.#options.clock.now();
    this.#forgetOld(now);
    const key = keyOfSeries(event);
    const existing = this.#series.get(key);
    if (existing === undefined) {
      this.#begin(key, event, now);
    } else {
      existing.count++;
      existing.lastAt = now;
      this.#schedule(existing, existing.sentCount < 2 ? 0 : existing.sentAt + SERIES_WRITE_MS - now);
    }
  }

  /**
   * An object is gone: what is counted of it isn't written any more, since its namespace may be gone with it. What is on
   * its way goes on.
   */
  forget({namespace, name}: Pick<ObjectReference, 'namespace' | 'name'>): void {
    for (const [key, series] of this.#series) {
      const {regarding} = series.event;
      if (regarding.namespace !== namespace || regarding.name !== name) continue;
      series.timer?.cancel();
      series.timer = undefined;
      this.#series.delete(key);
    }
  }

  /** Sends what is pending, for at most 3 s. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const series of this.#series.values()) {
      if (series.timer !== undefined) {
        series.timer.cancel();
        this.#enqueue(series);
      }
    }
    const timer = this.#options.clock.setTimeout(() => {
      this.#aborted.abort();
    }, STOP_MS);
    await this.#writing;
    timer.cancel();
  }

  #begin(key: string, event: EventInput, now: number): void {
    if (!this.#hasBudget(event.regarding, now)) {
      this.#drop('spam');
      return;
    }
    const {name, namespace = 'default'} = event.regarding;
    const series: Series = {
      event: {...event, note: cutNote(event.note)},
      namespace,
      name: `${name.slice(0, 200)}.${now.toString(16)}${randomBytes(4).toString('hex')}`,
      firstAt: now,
      count: 1,
      lastAt: now,
      sentCount: 0,
      sentAt: now,
      timer: undefined,
    };
    this.#series.set(key, series);
    this.#enqueue(series);
  }

  /** A token bucket for each object, so that one that flaps doesn't fill the event store. */
  #hasBudget(regarding: ObjectReference, now: number): boolean {
    const id = regarding.uid ?? `${regarding.kind}/${regarding.namespace ?? ''}/${regarding.name}`;
    const {tokens, at} = this.#budgets.get(id) ?? {tokens: BURST, at: now};
    const refilled = Math.min(BURST, tokens + Math.max(0, now - at) / REFILL_MS);
    if (refilled < 1) {
      return false;
    }
    this.#budgets.set(id, {tokens: refilled - 1, at: now});
    return true;
  }

  #forgetOld(now: number): void {
    for (const [key, series] of this.#series) {
      if (now - series.lastAt >= SERIES_GAP_MS && series.timer === undefined && !this.#pending.has(series)) {
        this.#series.delete(key);
      }
    }
    for (const [id, {at}] of this.#budgets) {
      if (now - at >= BURST * REFILL_MS) {
        this.#budgets.delete(id);
      }
    }
  }

  #schedule(series: Series, afterMs: number): void {
    if (afterMs <= 0) {
      this.#enqueue(series);
      return;
    }
    series.timer ??= this.#options.clock.setTimeout(() => {
      this.#enqueue(series);
    }, afterMs);
  }

  #enqueue(series: Series): void {
    series.timer = undefined;
    if (this.#pending.size >= MAX_PENDING) {
      this.#drop('overflow');
      return;
    }
    this.#pending.add(series);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // Yields once, so that a burst of equal events becomes one request.
    await Promise.resolve();
    try {
      for (const series of this.#pending) {
        // First, so that what is recorded while this is on its way comes round again.
        this.#pending.delete(series);
        await this.#write(series);
      }
    } finally {
      // In the same turn as the loop's end, so that nothing is added in between and left lying.
      this.#writing = undefined;
    }
  }

  async #write(series: Series): Promise<void> {
    const {clock, logger, metrics} = this.#options;
    for (let tries = 1; ; tries++) {
      const count = series.count;
      try {
        await (series.sentCount === 0 ? this.#create(series) : this.#patch(series));
        series.sentCount = count;
        series.sentAt = clock.now();
        metrics?.events.inc({result: 'sent'});
        return;
      } catch (error) {
        const passing = isApiError(error, 'Network', 'Timeout', 'Unavailable', 'TooManyRequests');
        if (!passing || tries >= TRIES || this.#aborted.signal.aborted) {
          logger.warn({reason: series.event.reason, error: messageOf(error)}, 'Event not written');
          this.#drop('failed');
          return;
        }
        await delay(clock, RETRY_MS * tries, this.#aborted.signal);
      }
    }
  }

  async #create(series: Series): Promise<void> {
    const {client, reportingController, reportingInstance} = this.#options;
    const {event, name, namespace} = series;
    const body = {
      apiVersion: EVENTS.apiVersion,
      kind: EVENTS.kind,
      metadata: {name, namespace},
      eventTime: microTime(series.firstAt),
      reportingController,
      reportingInstance,
      ...event,
      ...(series.count > 1 && {series: seriesOf(series)}),
    };
    try {
      await client.create(EVENTS, namespace, body, {signal: this.#aborted.signal});
    } catch (error) {
      // Ours, from a try whose answer was lost: names are unique.
      if (!isApiError(error, 'AlreadyExists')) {
        throw error;
      }
    }
  }

  async #patch(series: Series): Promise<void> {
    const body = {series: seriesOf(series)};
    const options = {type: 'merge', signal: this.#aborted.signal} as const;
    try {
      await this.#options.client.patch(EVENTS, series.namespace, series.name, body, options);
    } catch (error) {
      // The server lets events go after an hour.
      if (!isApiError(error, 'NotFound')) {
        throw error;
      }
      await this.#create(series);
    }
  }

  #drop(result: 'spam' | 'overflow' | 'failed'): void {
    this.#options.metrics?.events.inc({result});
  }
}

function keyOfSeries({regarding, related, type, reason, action, note}: EventInput): string {
  const {kind, namespace, name, uid} = regarding;
  return JSON.stringify([kind, namespace, name, uid, related?.uid ?? related?.name, type, reason, action, note]);
}

function seriesOf(series: Series): {count: number; lastObservedTime: string} {
  return {count: series.count, lastObservedTime: microTime(series.lastAt)};
}

/** At most 1 kB of UTF-8, whole characters, with a sign that something was cut. */
export function cutNote(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= MAX_NOTE_BYTES) {
    return note;
  }
  const ellipsis = '…';
  const room = MAX_NOTE_BYTES - Buffer.byteLength(ellipsis);
  // A character cut in the middle becomes a replacement character at the end.
  return `${bytes
    .subarray(0, room)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}${ellipsis}`;
}
