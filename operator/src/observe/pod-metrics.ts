import {parsePrometheusText, type TextSample} from './prometheus-text.ts';

/** What one reading of a pod's `/metrics` tells (docs/reference/image-contract.md). */
export interface PodReading {
  /** All responses but 4xx, and requests that were given up after longer than the latency threshold. */
  readonly valid: number;
  readonly bad: number;
  readonly total: number;
  /** Valid responses at or under the latency threshold. */
  readonly fast: number;
  /** The threshold that `fast` was counted against, milliseconds: the spec's may have changed since. */
  readonly latencyThresholdMs: number;
  /** Requests that wait for a connection of the pool; undefined where the image doesn't tell. */
  readonly poolWaiting: number | undefined;
  readonly residentBytes: number | undefined;
  /** Of the process since it began; undefined where the image doesn't tell. */
  readonly cpuSeconds: number | undefined;
  /** What it can't use now, and why, as it says itself (`database: dns`); undefined where it says nothing like that. */
  readonly failing: string | undefined;
  /** Whether it refuses writes because it was told to; undefined where the image doesn't tell. */
  readonly readOnly: boolean | undefined;
  /** undefined where the image doesn't expose schema_migration_info. */
  readonly migrations: readonly {readonly version: number; readonly previousCanRead: boolean}[] | undefined;
}

const WANTED = new Set([
  'http_requests_total',
  'http_request_duration_seconds_bucket',
  'schema_migration_info',
  'dependency_failing',
  'read_only_mode',
  'mysql_pool_pending_requests',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
]);

const isClientError = (status: string | undefined): boolean => status?.startsWith('4') ?? false;
/** The kubelet's probes are no service; an image that counts them would make a release look tried that nobody used. */
const isProbe = (route: string | undefined): boolean => route?.startsWith('/health/') ?? false;
const isServerError = (status: string | undefined): boolean => status?.startsWith('5') ?? false;

/** Nobody was left to answer; the API counts that as 499. */
const isAbandoned = ({labels}: TextSample): boolean => labels['status'] === '499';

/** Words of an image that somebody else made: they must not be able to say more than a word. */
const WORD = /^[a-z][a-z0-9-]{0,29}$/;

function failingOf(samples: readonly TextSample[]): string | undefined {
  return samples
    .filter(({name, value}) => name === 'dependency_failing' && value === 1)
    .map(({labels}) => [labels['dependency'] ?? '', labels['cause'] ?? ''])
    .filter((words) => words.every((word) => WORD.test(word)))
    .map((words) => words.join(': '))
    .sort()[0];
}

function sum(samples: readonly TextSample[], keep: (sample: TextSample) => boolean): number {
  return samples.reduce((total, sample) => (keep(sample) ? total + sample.value : total), 0);
}

/**
 * Reads the contract's metrics from a `/metrics` body.
 *
 * @param body - text exposition format
 * @param thresholdMilliseconds - spec.slo.latency.thresholdMilliseconds, one of the histogram's bounds
 * @returns undefined when the body lacks `http_requests_total`'s family altogether, or one of the counts is no number:
 *   that is no telemetry, not zero traffic (invariant 5)
 */
export function readPodMetrics(body: string, thresholdMilliseconds: number): PodReading | undefined {
  if (!/^(# TYPE )?http_requests_total\b/m.test(body)) return undefined;
  const samples = parsePrometheusText(body, WANTED).filter(({labels}) => !isProbe(labels['route']));
  const requests = samples.filter((sample) => sample.name === 'http_requests_total');
  const buckets = samples.filter((sample) => sample.name === 'http_request_duration_seconds_bucket');
  if (![...requests, ...buckets].every(({value}) => Number.isFinite(value) && value >= 0)) return undefined;
  const bound = thresholdMilliseconds / 1000;
  const migrations = samples.filter((sample) => sample.name === 'schema_migration_info');
  const waiting = samples.find(({name, value}) => name === 'mysql_pool_pending_requests' && value >= 0);
  const mode = samples.find(({name}) => name === 'read_only_mode');
  const resident = samples.find(({name, value}) => name === 'process_resident_memory_bytes' && value >= 0);
  const cpu = samples.find(({name, value}) => name === 'process_cpu_seconds_total' && value >= 0);
  const quick = buckets.filter(({labels}) => Number(labels['le']) === bound);
  // A client that gave up after longer than the threshold met a slow service; one that left sooner says nothing.
  const abandoned = sum(requests, isAbandoned) - sum(quick, isAbandoned);
  return {
    valid: sum(requests, (sample) => !isClientError(sample.labels['status'])) + Math.max(0, abandoned),
    bad: sum(requests, (sample) => isServerError(sample.labels['status'])),
    total: sum(requests, () => true),
    fast: sum(quick, (sample) => !isClientError(sample.labels['status'])),
    latencyThresholdMs: thresholdMilliseconds,
    poolWaiting: waiting?.value,
    residentBytes: resident?.value,
    cpuSeconds: cpu?.value,
    failing: failingOf(samples),
    readOnly: mode === undefined ? undefined : mode.value === 1,
    migrations:
      migrations.length === 0
        ? undefined
        : migrations.map((sample) => ({
            version: Number(sample.labels['version']),
            previousCanRead: sample.labels['previous_can_read'] === 'true',
          })),
  };
}
