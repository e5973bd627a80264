import * as z from 'zod';

/** What one round asks of a Prometheus server. */
export interface CountersQuery {
  /** Namespaces of the resources; a name of a namespace has no character that means something in a pattern. */
  readonly namespaces: readonly string[];
  /** Every latency threshold of theirs, milliseconds. */
  readonly thresholdsMs: readonly number[];
}

/** What is known of one pod, by the time at which Prometheus read it. */
export interface CountedPod {
  /** Seconds from the reading to the answer, by Prometheus' own clock. */
  readonly ageSeconds: number;
  /** Configurations that have the pod read: with two of them every count would be doubled. */
  readonly targets: number;
  readonly total: number;
  /** Responses but 4xx. */
  readonly answered: number;
  readonly bad: number;
  /** Requests that the client gave up (499). */
  readonly abandoned: number;
  /** By latency threshold in milliseconds: responses within it; undefined where the pod has no such bucket. */
  readonly fast: ReadonlyMap<number, number>;
  /** By latency threshold in milliseconds: requests that were given up within it. */
  readonly abandonedFast: ReadonlyMap<number, number>;
}

/** The answer isn't what a Prometheus server answers. Never holds what it said. */
export class PrometheusAnswerError extends Error {
  override readonly name = 'PrometheusAnswerError';
}

const BY = 'by (namespace, maintenanceapi, pod';
/** Added to each series of the answer, since all measures come in one. */
const MEASURE = 'measure';

/**
 * One query for all resources, so that its measures are of one moment: Prometheus answers a query from one state of its
 * storage, while two queries may fall on both sides of a reading. They are the cumulative counters of each pod as it was
 * read last, not rates: what came between two readings is counted, never estimated.
 */
export function countersQuery({namespaces, thresholdsMs}: CountersQuery): string {
  const pods = `maintenanceapi!="",pod!="",namespace=~"${namespaces.join('|')}"`;
  // Probes are no service, whatever an image counts.
  const requests = `${pods},route!~"/health/.*"`;
  // Prometheus 3 writes whole seconds as `1.0`, Prometheus 2 kept them as they were exported.
  const bounds = thresholdsMs.map((threshold) => String(threshold / 1000));
  const le = `le=~"${bounds.flatMap((bound) => (bound.includes('.') ? bound.replace('.', '\\\\.') : [bound, `${bound}\\\\.0`])).join('|')}"`;
  const count = (metric: string, ...matchers: readonly string[]): string =>
    `sum ${BY}) (${metric}{${[requests, ...matchers].join(',')}})`;
  const bucket = (status: string): string =>
    `sum ${BY}, le) (http_request_duration_seconds_bucket{${[requests, status, le].join(',')}})`;
  const read = `up{${pods}} == 1`;
  const measures = {
    // The time of a sample is told of a bare selector only.
    readAt: `min ${BY}) (timestamp(up{${pods}}) and (${read}))`,
    targets: `count ${BY}) (${read})`,
    total: count('http_requests_total'),
    answered: count('http_requests_total', 'status!~"4.."'),
    bad: count('http_requests_total', 'status=~"5.."'),
    abandoned: count('http_requests_total', 'status="499"'),
    fast: bucket('status!~"4.."'),
    abandonedFast: bucket('status="499"'),
  };
  return Object.entries(measures)
    .map(([name, expression]) => `label_replace(${expression}, "${MEASURE}", "${name}", "", "")`)
    .join(' or ');
}

const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()])})),
  }),
});

interface Collected {
  readonly single: Map<string, number>;
  readonly fast: Map<number, number>;
  readonly abandonedFast: Map<number, number>;
  answeredAt: number;
}

/**
 * Reads the answer to {@link countersQuery}.
 *
 * @param body - of the answer
 * @returns pods by `namespace/resource/pod`; one that wasn't read, or of which a count is no number, is left out: that is
 *   no telemetry, not zero traffic (invariant 5)
 * @throws PrometheusAnswerError when it is no answer of a Prometheus server
 */
export function readCounters(body: string): Map<string, CountedPod> {
  const collected = new Map<string, Collected>();
  const broken = new Set<string>();
  for (const {metric, value} of resultOf(body)) {
    const {namespace = '', maintenanceapi = '', pod = '', le, [MEASURE]: measure = ''} = metric;
    const id = `${namespace}/${maintenanceapi}/${pod}`;
    const number = Number(value[1] === '' ? NaN : value[1]);
    if (!Number.isFinite(number) || number < 0) broken.add(id);
    const known = collected.get(id) ?? {
      single: new Map(),
      fast: new Map(),
      abandonedFast: new Map(),
      answeredAt: value[0],
    };
    collected.set(id, known);
    const threshold = Math.round(Number(le) * 1000);
    if (measure === 'fast') known.fast.set(threshold, number);
    else if (measure === 'abandonedFast') known.abandonedFast.set(threshold, number);
    else known.single.set(measure, number);
  }
  return new Map(
    [...collected].flatMap(([id, {single, fast, abandonedFast, answeredAt}]) => {
      const readAt = single.get('readAt');
      if (readAt === undefined || broken.has(id)) return [];
      // No series of them is none of them: a pod has none before its first request.
      const of = (measure: string): number => single.get(measure) ?? 0;
      const counts = {total: of('total'), answered: of('answered'), bad: of('bad'), abandoned: of('abandoned')};
      return [[id, {ageSeconds: answeredAt - readAt, targets: of('targets'), ...counts, fast, abandonedFast}] as const];
    }),
  );
}

function resultOf(body: string): z.output<typeof answer>['data']['result'] {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    // Its message would quote the body.
    throw new PrometheusAnswerError('the answer is not JSON');
  }
  const read = answer.safeParse(json);
  if (!read.success) throw new PrometheusAnswerError('the answer is not the result of an instant query');
  return read.data.data.result;
}
