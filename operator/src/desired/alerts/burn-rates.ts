import {allowedShares, type AlertName, type AlertSeverity, type MaintenanceApi} from '../../api/v1alpha1/index.ts';
import {alertingRule, EVALUATION_SECONDS, type AlertingRule, type RecordingRule} from './rules.ts';
import {
  abandoned,
  bucketMatcher,
  byResource,
  notClientError,
  ownSeries,
  requestSeries,
  serverError,
  type ContractMetric,
  type RecordedMetric,
} from './series.ts';

/*
 * Multiwindow, multi-burn-rate alerts as in the SRE workbook, chapter 5. A ratio over a long window is the quotient of
 * two sums of recorded rates: weighted by traffic, and cheap.
 */

interface Pair {
  readonly severity: AlertSeverity;
  /** Share of the error budget that is gone when the long window trips. */
  readonly budget: number;
  readonly long: string;
  readonly longHours: number;
  /** The alert ends soon after the burning does. */
  readonly short: string;
}

/** What the workbook recommends, with a second ticket over a day. Over 30 days the factors are 14.4, 6, 3 and 1. */
const PAIRS: readonly Pair[] = [
  {severity: 'critical', budget: 0.02, long: '1h', longHours: 1, short: '5m'},
  {severity: 'critical', budget: 0.05, long: '6h', longHours: 6, short: '30m'},
  {severity: 'warning', budget: 0.1, long: '1d', longHours: 24, short: '2h'},
  {severity: 'warning', budget: 0.1, long: '3d', longHours: 72, short: '6h'},
];

/** Fewer bad responses than this in the long window wake nobody: of 60 requests at night one may fail. */
const MIN_BAD = 5;

type ObjectiveName = keyof ReturnType<typeof allowedShares>;

/** What an objective counts. */
interface Counting {
  readonly alert: AlertName;
  readonly what: string;
  readonly bad: RecordedMetric;
  readonly of: RecordedMetric;
}

const RATES = {
  responses: 'maintenance_api:responses:rate5m',
  valid: 'maintenance_api:valid_responses:rate5m',
  errors: 'maintenance_api:server_errors:rate5m',
  slow: 'maintenance_api:slow_responses:rate5m',
  abandoned: 'maintenance_api:abandoned_requests:rate5m',
} as const;

const COUNTINGS: Readonly<Record<ObjectiveName, Counting>> = {
  availability: {
    alert: 'MaintenanceApiAvailabilityBudgetBurn',
    what: 'responses (those with a status of 4xx left out) were server errors',
    bad: RATES.errors,
    of: RATES.valid,
  },
  latency: {
    alert: 'MaintenanceApiLatencyBudgetBurn',
    what: 'responses were slower than promised',
    bad: RATES.slow,
    of: RATES.valid,
  },
  errorRate: {
    alert: 'MaintenanceApiErrorRateBudgetBurn',
    what: 'responses were server errors',
    bad: RATES.errors,
    of: RATES.responses,
  },
};

const OBJECTIVES = Object.keys(COUNTINGS) as ObjectiveName[];

const ratio = (window: string): RecordedMetric => `maintenance_api:slo_bad:ratio_${window}`;

/** One alert that can fire. */
interface Burn extends Pair {
  readonly objective: ObjectiveName;
  /** How many times as fast as the window allows. */
  readonly factor: number;
  /** Share of bad responses above which it fires. */
  readonly threshold: number;
}

/** Without the dust of binary fractions. */
const rounded = (value: number): number => Number(value.toPrecision(6));

/** Every pair of windows of every objective but those that can't fire: no share of responses is above 1. */
function burnsOf({spec: {slo}}: MaintenanceApi): readonly Burn[] {
  const shares = allowedShares(slo);
  return OBJECTIVES.flatMap((objective) =>
    PAIRS.map((pair): Burn => {
      const factor = (pair.budget * slo.windowDays * 24) / pair.longHours;
      return {...pair, objective, factor: rounded(factor), threshold: rounded(factor * shares[objective])};
    }),
  ).filter(({threshold}) => threshold < 1);
}

/** Rates of all pods together, of the last five minutes. */
export function rateRules(api: MaintenanceApi): readonly RecordingRule[] {
  const rate = (metric: ContractMetric, ...matchers: readonly string[]): string =>
    `sum ${byResource} (rate(${requestSeries(api, metric, ...matchers)}[5m]))`;
  const requests = (...matchers: readonly string[]): string => rate('http_requests_total', ...matchers);
  const fast = bucketMatcher(api.spec.slo.latency.thresholdMilliseconds);
  const quick = (matcher: string): string => rate('http_request_duration_seconds_bucket', matcher, fast);
  const timed = rate('http_request_duration_seconds_count', notClientError);
  // No series of them is none of them.
  const orNone = `or 0 * ${ownSeries(api, RATES.responses)}`;
  const gaveUp = ownSeries(api, RATES.abandoned);
  return [
    {record: RATES.responses, expr: requests()},
    // Whoever gave up after longer than the threshold met a slow service; whoever left sooner says nothing.
    {record: RATES.abandoned, expr: `clamp_min(${requests(abandoned)} - ${quick(abandoned)}, 0) ${orNone}`},
    {record: RATES.valid, expr: `(${requests(notClientError)} ${orNone}) + ${gaveUp}`},
    {record: RATES.errors, expr: `${requests(serverError)} ${orNone}`},
    {record: RATES.slow, expr: `(clamp_min(${timed} - ${quick(notClientError)}, 0) ${orNone}) + ${gaveUp}`},
  ];
}

/** Shares of bad responses, for each objective and each window that an alert needs. */
export function ratioRules(api: MaintenanceApi): readonly RecordingRule[] {
  const burns = burnsOf(api);
  return OBJECTIVES.flatMap((objective) => {
    const {bad, of} = COUNTINGS[objective];
    const windows = burns.filter((burn) => burn.objective === objective).flatMap(({short, long}) => [short, long]);
    return [...new Set(windows)].map((window): RecordingRule => {
      // What is recorded covers five minutes already.
      const sum = (metric: RecordedMetric): string =>
        window === '5m' ? ownSeries(api, metric) : `sum_over_time(${ownSeries(api, metric)}[${window}])`;
      return {record: ratio(window), expr: `${sum(bad)} / (${sum(of)} > 0)`, labels: {objective}};
    });
  });
}

/** An alert for each objective and each pair of windows. */
export function burnRateAlerts(api: MaintenanceApi): readonly AlertingRule[] {
  return burnsOf(api).map(({objective, severity, long, short, factor, threshold}) => {
    const {alert, what, bad} = COUNTINGS[objective];
    const share = (window: string): string =>
      `${ownSeries(api, ratio(window), `objective="${objective}"`)} > ${threshold}`;
    const badResponses = `sum_over_time(${ownSeries(api, bad)}[${long}]) * ${EVALUATION_SECONDS} >= ${MIN_BAD}`;
    return alertingRule(api, {
      alert,
      severity,
      expr: `${share(long)} and ${share(short)} and on (namespace, maintenanceapi) ${badResponses}`,
      labels: {long, short},
      summary: `the error budget of ${objective} burns ${factor} times as fast as ${api.spec.slo.windowDays} days allow`,
      description: `{{ $value | humanizePercentage }} of the ${what} in the last ${long}; the alert fires above ${rounded(threshold * 100)} %.`,
    });
  });
}
