import type {Clock, TimerHandle} from '../runtime/index.ts';
import {PrometheusError, type AskPrometheus, type PrometheusServer} from './ask-prometheus.ts';
import type {PodReading} from './pod-metrics.ts';
import {countersQuery, PrometheusAnswerError, readCounters, type CountedPod} from './prometheus-query.ts';
import type {ScrapeResult, ScrapeTarget} from './scraper.ts';

/** What a Prometheus server told of one resource. */
export interface SourceReading {
  /** Name of the server in the operator's configuration. */
  readonly server: string;
  /** Rounds in a row that told nothing of any pod that there is. */
  readonly blindRounds: number;
  /** Why the last round told nothing. */
  readonly problem: string | undefined;
  readonly pods: readonly ScrapeResult[];
}

/** What is to be read of one resource. */
export interface SourceRequest {
  /** As spec.slo.source.prometheusRef names it. */
  readonly server: string;
  readonly targets: readonly ScrapeTarget[];
  readonly thresholdMilliseconds: number;
}

interface Entry extends Omit<SourceRequest, 'server'> {
  readonly key: string;
  readonly namespace: string;
  readonly blindRounds: number;
  readonly problem: string | undefined;
  readonly results: ReadonlyMap<string, ScrapeResult>;
}

interface Poller {
  readonly server: PrometheusServer;
  readonly entries: Map<string, Entry>;
  timer: TimerHandle | undefined;
  running: boolean;
  nextAt: number;
}

/** Namespaces whose pods were asked for together, with the answer or why there is none. */
interface Part {
  readonly namespaces: readonly string[];
  /** When the question was sent, milliseconds. */
  readonly askedAt: number;
  readonly answer: ReadonlyMap<string, CountedPod> | string;
}

/** As often as the operator reads pods at rest. */
const INTERVAL_MS = 30_000;
/** Resources that are new, for instance all of them after a start, are asked for together. */
const GATHER_MS = 1_000;
const TIMEOUT_MS = 5_000;
/** Nothing is asked any more in parts after this: the next round is due. */
const ROUND_MS = 20_000;
/** Parts of a question that was refused as a whole. */
const MAX_QUESTIONS = 32;
/** Older readings say nothing of now: three that the PodMonitor asks for were missed, and some time on the way. */
const STALE_SECONDS = 90;

/**
 * Asks each Prometheus server for all resources that refer to it, in one question a round, however many there are; when
 * it is refused, in halves by namespace, so that what is wrong with one namespace blinds no other (invariant 13). After
 * each round the keys of its resources are handed to `onRound`.
 */
export class PrometheusSources {
  readonly #pollers: ReadonlyMap<string, Poller>;
  readonly #ask: AskPrometheus;
  readonly #clock: Clock;
  readonly #onRound: (key: string) => void;
  /** Resources that refer to a server that isn't configured. */
  readonly #lost = new Map<string, SourceReading>();

  constructor(options: {
    servers: readonly PrometheusServer[];
    ask: AskPrometheus;
    clock: Clock;
    onRound: (key: string) => void;
  }) {
    this.#pollers = new Map(
      options.servers.map((server) => [
        server.name,
        {server, entries: new Map(), timer: undefined, running: false, nextAt: Infinity},
      ]),
    );
    this.#ask = options.ask;
    this.#clock = options.clock;
    this.#onRound = options.onRound;
  }

  /**
   * Sets what is asked for a resource.
   *
   * @param key - `namespace/name`
   */
  watch(key: string, {server, targets, thresholdMilliseconds}: SourceRequest): void {
    const poller = this.#pollers.get(server);
    for (const [name, other] of this.#pollers) if (name !== server) other.entries.delete(key);
    if (poller === undefined) {
      this.#lost.set(key, unconfigured(server, targets));
      return;
    }
    this.#lost.delete(key);
    const known = poller.entries.get(key);
    const uids = new Set(targets.map(({uid}) => uid));
    const results = new Map([...(known?.results ?? [])].filter(([uid]) => uids.has(uid)));
    const [namespace = ''] = key.split('/');
    const {blindRounds = 0, problem} = known ?? {};
    poller.entries.set(key, {key, namespace, targets, thresholdMilliseconds, blindRounds, problem, results});
    if (known === undefined) this.#soon(poller);
  }

  /** Stops asking for a resource and forgets what was told. */
  forget(key: string): void {
    this.#lost.delete(key);
    for (const {entries} of this.#pollers.values()) entries.delete(key);
  }

  /** What was last told of a resource; undefined where it doesn't refer to a server. */
  reading(key: string): SourceReading | undefined {
    for (const {server, entries} of this.#pollers.values()) {
      const entry = entries.get(key);
      if (entry === undefined) continue;
      const {blindRounds, problem, results} = entry;
      return {server: server.name, blindRounds, problem, pods: [...results.values()]};
    }
    return this.#lost.get(key);
  }

  stop(): void {
    for (const poller of this.#pollers.values()) {
      poller.entries.clear();
      poller.timer?.cancel();
    }
  }

  #soon(poller: Poller): void {
    if (!poller.running && poller.nextAt > this.#clock.now() + GATHER_MS) this.#schedule(poller, GATHER_MS);
  }

  #schedule(poller: Poller, delayMs: number): void {
    poller.timer?.cancel();
    poller.nextAt = this.#clock.now() + delayMs;
    poller.timer = this.#clock.setTimeout(() => void this.#round(poller), delayMs);
  }

  async #round(poller: Poller): Promise<void> {
    poller.running = true;
    const asked = [...poller.entries.values()];
    const parts = asked.length === 0 ? [] : await this.#askFor(poller.server, asked);
    poller.running = false;
    for (const {key, thresholdMilliseconds} of asked) {
      // What is known now: pods may have come and gone while Prometheus was asked.
      const entry = poller.entries.get(key);
      const part = parts.find(({namespaces}) => namespaces.includes(entry?.namespace ?? ''));
      if (entry === undefined || part === undefined) continue;
      poller.entries.set(key, told(entry, part, thresholdMilliseconds));
    }
    const added = [...poller.entries.keys()].some((key) => !asked.some((one) => one.key === key));
    poller.nextAt = Infinity;
    if (poller.entries.size > 0) this.#schedule(poller, added ? GATHER_MS : INTERVAL_MS);
    for (const {key} of asked) if (poller.entries.has(key)) this.#onRound(key);
  }

  /** Asks for all, and for halves of what was refused, one after the other. */
  async #askFor(server: PrometheusServer, entries: readonly Entry[]): Promise<Part[]> {
    const thresholdsMs = [...new Set(entries.map(({thresholdMilliseconds}) => thresholdMilliseconds))];
    const waiting = [[...new Set(entries.map(({namespace}) => namespace))]];
    const until = this.#clock.now() + ROUND_MS;
    const parts: Part[] = [];
    for (let questions = 1; ; questions++) {
      const namespaces = waiting.shift();
      if (namespaces === undefined) return parts;
      const askedAt = this.#clock.now();
      try {
        const body = await this.#ask(server, countersQuery({namespaces, thresholdsMs}), TIMEOUT_MS);
        parts.push({namespaces, askedAt, answer: readCounters(body)});
      } catch (error) {
        if (!(error instanceof PrometheusError || error instanceof PrometheusAnswerError)) throw error;
        const divides = error instanceof PrometheusError && error.divisible && namespaces.length > 1;
        if (divides && questions + waiting.length + 2 <= MAX_QUESTIONS && this.#clock.now() < until) {
          const half = Math.ceil(namespaces.length / 2);
          waiting.push(namespaces.slice(0, half), namespaces.slice(half));
        } else parts.push({namespaces, askedAt, answer: error.message});
      }
    }
  }
}

function unconfigured(server: string, targets: readonly ScrapeTarget[]): SourceReading {
  const unread = {readAt: undefined, reading: undefined, cpuCores: undefined, failures: Infinity};
  return {
    ...{server, blindRounds: Infinity, problem: "the operator's configuration has no Prometheus server of this name"},
    pods: targets.map(({uid, revision}) => ({uid, revision, ...unread})),
  };
}

/** A resource after a round. */
function told(entry: Entry, {answer, askedAt}: Part, thresholdMs: number): Entry {
  const blind = (problem: string): Entry => ({
    ...entry,
    blindRounds: entry.blindRounds + 1,
    problem,
    results: new Map(entry.targets.map((target) => [target.uid, result(target, entry.results.get(target.uid))])),
  });
  if (typeof answer === 'string') return blind(answer);
  const readings = entry.targets.map((target) => {
    const pod = answer.get(`${entry.key}/${target.pod}`);
    return {target, pod, reading: readingOf(pod, thresholdMs)};
  });
  const problems = readings.flatMap(({reading}) => (typeof reading === 'string' ? [reading] : []));
  const [problem] = problems;
  if (problem !== undefined && problems.length === readings.length) return blind(problem);
  return {
    ...entry,
    blindRounds: 0,
    problem: undefined,
    results: new Map(
      readings.map(({target, pod, reading}) => {
        // Prometheus' clock may differ from ours: the age is told by its own, and the moment by ours.
        const readAt = askedAt - (pod?.ageSeconds ?? 0) * 1000;
        const before = entry.results.get(target.uid);
        return [target.uid, result(target, before, typeof reading === 'object' ? {reading, readAt} : undefined)];
      }),
    ),
  };
}

function result(
  {uid, revision}: ScrapeTarget,
  before: ScrapeResult | undefined,
  read?: {readonly reading: PodReading; readonly readAt: number},
): ScrapeResult {
  const {reading, readAt} = read ?? {reading: before?.reading, readAt: before?.readAt};
  const failures = read === undefined ? (before?.failures ?? 0) + 1 : 0;
  return {uid, revision, readAt, reading, cpuCores: undefined, failures};
}

/** A pod's counters as the operator's own reading of it would tell them; or why they are nothing to go by. */
function readingOf(pod: CountedPod | undefined, latencyThresholdMs: number): PodReading | string {
  if (pod === undefined) return 'it has no reading of the pods';
  if (pod.ageSeconds > STALE_SECONDS) return `its last reading of the pods is older than ${STALE_SECONDS} s`;
  if (pod.targets !== 1) return 'it reads each pod more than once, so that its counts are multiples';
  const {total, answered, bad, abandoned} = pod;
  const fast = pod.fast.get(latencyThresholdMs);
  // Without its bucket every response would look slow.
  if (fast === undefined && answered > 0) return `it keeps no histogram bucket of ${latencyThresholdMs} ms`;
  const late = Math.max(0, abandoned - (pod.abandonedFast.get(latencyThresholdMs) ?? 0));
  return {
    ...{valid: answered + late, bad, total, fast: fast ?? 0, latencyThresholdMs},
    ...{
      failing: undefined,
      readOnly: undefined,
      poolWaiting: undefined,
      residentBytes: undefined,
      cpuSeconds: undefined,
      migrations: undefined,
    },
  };
}
