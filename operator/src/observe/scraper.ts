import type {Clock, TimerHandle} from '../runtime/index.ts';
import {readPodMetrics, type PodReading} from './pod-metrics.ts';

/** One pod to read. */
export interface ScrapeTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly revision: string;
  readonly ip: string;
}

/** What was last read of one pod. */
export interface ScrapeResult {
  readonly uid: string;
  readonly revision: string;
  /** Wall clock of the last success, milliseconds; undefined before the first. */
  readonly readAt: number | undefined;
  readonly reading: PodReading | undefined;
  /** What it used between the last two readings, in cores; undefined where that isn't known. */
  readonly cpuCores: number | undefined;
  /** Tries in a row that failed. */
  readonly failures: number;
}

/**
 * Fetches a pod's `/metrics`: through the pod's IP in the cluster, through the API server's proxy from a laptop.
 * It throws when the pod doesn't answer with 200 in time.
 */
export type FetchMetrics = (target: ScrapeTarget, timeoutMs: number) => Promise<string>;

interface Round {
  targets: readonly ScrapeTarget[];
  thresholdMilliseconds: number;
  intervalMs: number;
  timer: TimerHandle | undefined;
  running: boolean;
  nextAt: number;
  results: Map<string, ScrapeResult>;
}

/** A pod that doesn't answer within this is counted as a failed try. */
const TIMEOUT_MS = 2_000;
/** Readings under way at once over all resources, so that a fleet of hung pods can't exhaust sockets. */
const MAX_CONCURRENT = 64;
/** And of one resource, so that its hung pods leave room for those of others. */
const MAX_CONCURRENT_EACH = 16;

/**
 * Reads the pods of every resource on its own interval. Each resource has a timer of its own and pods are read side by
 * side, so one that hangs delays nobody (invariant 13). After each round the resource's key is handed to `onRound`.
 */
export class Scraper {
  readonly #fetch: FetchMetrics;
  readonly #clock: Clock;
  readonly #onRound: (key: string) => void;
  readonly #rounds = new Map<string, Round>();
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(options: {fetch: FetchMetrics; clock: Clock; onRound: (key: string) => void}) {
    this.#fetch = options.fetch;
    this.#clock = options.clock;
    this.#onRound = options.onRound;
  }

  /**
   * Sets what is read for a resource and how often.
   *
   * @param key - `namespace/name`
   * @param intervalMs - 5,000 while a revision bakes or a breach is suspected, else 30,000 (design, section 8)
   */
  watch(
    key: string,
    targets: readonly ScrapeTarget[],
    options: {thresholdMilliseconds: number; intervalMs: number},
  ): void {
    const existing = this.#rounds.get(key);
    const known = new Set(targets.map((target) => target.uid));
    if (existing === undefined) {
      const round: Round = {targets, ...options, timer: undefined, running: false, nextAt: 0, results: new Map()};
      this.#rounds.set(key, round);
      this.#schedule(key, round, 0);
      return;
    }
    const added = targets.some((target) => !existing.targets.some((old) => old.uid === target.uid));
    existing.targets = targets;
    existing.thresholdMilliseconds = options.thresholdMilliseconds;
    for (const uid of existing.results.keys()) if (!known.has(uid)) existing.results.delete(uid);
    const sooner = options.intervalMs < existing.intervalMs;
    existing.intervalMs = options.intervalMs;
    if (existing.running) return;
    if (added) this.#schedule(key, existing, 0);
    else if (sooner) this.#schedule(key, existing, Math.min(options.intervalMs, existing.nextAt - this.#clock.now()));
  }

  /** Stops reading for a resource and forgets what was read. */
  forget(key: string): void {
    const round = this.#rounds.get(key);
    if (round === undefined) return;
    round.timer?.cancel();
    this.#rounds.delete(key);
  }

  /** The last result of each pod of a resource. */
  results(key: string): readonly ScrapeResult[] {
    return [...(this.#rounds.get(key)?.results.values() ?? [])];
  }

  stop(): void {
    for (const key of [...this.#rounds.keys()]) this.forget(key);
  }

  #schedule(key: string, round: Round, delayMs: number): void {
    round.timer?.cancel();
    const delay = Math.max(0, delayMs);
    round.nextAt = this.#clock.now() + delay;
    round.timer = this.#clock.setTimeout(() => void this.#run(key, round), delay);
  }

  async #run(key: string, round: Round): Promise<void> {
    if (round.running) return;
    round.running = true;
    const targets = round.targets.values();
    const readOn = async (): Promise<void> => {
      for (const target of targets) await this.#read(round, target);
    };
    await Promise.all(Array.from({length: MAX_CONCURRENT_EACH}, readOn));
    round.running = false;
    if (this.#rounds.get(key) !== round) return;
    this.#schedule(key, round, round.intervalMs);
    this.#onRound(key);
  }

  async #read(round: Round, target: ScrapeTarget): Promise<void> {
    await this.#acquire();
    const before = round.results.get(target.uid);
    let reading: PodReading | undefined;
    try {
      reading = readPodMetrics(await this.#fetch(target, TIMEOUT_MS), round.thresholdMilliseconds);
    } catch {
      // A pod that can't be read is a fact, not an error: it is counted below and judged as TelemetryGap.
      reading = undefined;
    } finally {
      this.#release();
    }
    const readAt = reading === undefined ? before?.readAt : this.#clock.now();
    round.results.set(target.uid, {
      uid: target.uid,
      revision: target.revision,
      readAt,
      reading: reading ?? before?.reading,
      cpuCores: coresBetween(before, reading, readAt),
      failures: reading === undefined ? (before?.failures ?? 0) + 1 : 0,
    });
  }

  async #acquire(): Promise<void> {
    if (this.#underWay < MAX_CONCURRENT) {
      this.#underWay += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#underWay -= 1;
    else next();
  }
}

/** A process that began anew, or two readings at one moment, tell nothing. */
function coresBetween(
  before: ScrapeResult | undefined,
  reading: PodReading | undefined,
  readAt: number | undefined,
): number | undefined {
  const [was, is] = [before?.reading?.cpuSeconds, reading?.cpuSeconds];
  if (was === undefined || is === undefined || is < was) return undefined;
  const seconds = ((readAt ?? 0) - (before?.readAt ?? 0)) / 1000;
  return seconds >= 1 ? (is - was) / seconds : undefined;
}
