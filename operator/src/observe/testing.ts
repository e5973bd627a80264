/** Counters of one pod as a Prometheus server would tell them; what isn't set is told as for a pod that serves well. */
export interface ToldPod {
  readonly namespace?: string;
  readonly name?: string;
  readonly pod?: string;
  /** Seconds since it was read. */
  readonly ageSeconds?: number;
  readonly targets?: number;
  /** As Prometheus writes numbers; undefined: no series. */
  readonly total?: number | string | undefined;
  readonly answered?: number | string | undefined;
  readonly bad?: number | string | undefined;
  readonly abandoned?: number | string | undefined;
  /** By the histogram's bound in seconds. */
  readonly fast?: Readonly<Record<string, number>>;
  readonly abandonedFast?: Readonly<Record<string, number>>;
}

const ANSWERED_AT = 1_772_452_800.123;

/** The body of the answer to an instant query for the counters of these pods. */
export function prometheusAnswer(...pods: readonly ToldPod[]): string {
  const result = pods.flatMap((told) => {
    const {namespace = 'apis', name = 'shop', pod = 'shop-1', ageSeconds = 0, targets = 1, total = 100} = told;
    const {answered = total, bad, abandoned, fast = {'0.5': Number(answered)}, abandonedFast = {}} = told;
    const series = (measure: string, value: number | string | undefined, more: object = {}): object[] =>
      value === undefined
        ? []
        : [{metric: {namespace, maintenanceapi: name, pod, measure, ...more}, value: [ANSWERED_AT, String(value)]}];
    const buckets = (measure: string, counts: Readonly<Record<string, number>>): object[] =>
      Object.entries(counts).flatMap(([le, count]) => series(measure, count, {le}));
    return [
      ...series('readAt', ANSWERED_AT - ageSeconds),
      ...series('targets', targets),
      ...series('total', 'total' in told ? told.total : total),
      ...series('answered', 'answered' in told ? told.answered : answered),
      ...[...series('bad', bad), ...series('abandoned', abandoned)],
      ...[...buckets('fast', fast), ...buckets('abandonedFast', abandonedFast)],
    ];
  });
  return JSON.stringify({status: 'success', data: {resultType: 'vector', result}});
}
