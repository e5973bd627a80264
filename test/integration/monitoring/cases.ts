import type {AlertName} from '../../../operator/src/api/v1alpha1/index.ts';

/** Series that Prometheus has, and whether an alert fires then. */
export interface Story {
  readonly what: string;
  /** By selector, in promtool's notation, a value every 15 s. */
  readonly series: Readonly<Record<string, string>>;
  /** When it is looked, since the first value. */
  readonly at: string;
}

/** A story in which it fires. */
interface Firing extends Story {
  /** Labels that the alert has from the series. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `$value` as its description shows it. */
  readonly value?: string;
}

/** The stories of one alerting rule. */
export interface AlertCase {
  readonly alert: AlertName;
  /** Labels by which its rule is told from others of the alert. */
  readonly rule?: Readonly<Record<string, string>>;
  readonly fires: readonly [Firing, ...Firing[]];
  readonly silent: readonly [Story, ...Story[]];
}

const own = 'namespace="apis",maintenanceapi="shop"';
const alien = 'namespace="others",maintenanceapi="shop"';
const POD = 'shop-6d4cf56db6-x2x4x';
const OTHER_POD = 'shop-6d4cf56db6-7kq9z';
const DAY = 86_400;

const responses = (status: number, perStep: number, labels = own): Record<string, string> => ({
  [`http_requests_total{${labels},pod="${POD}",route="/api/v1/tasks",status="${status}"}`]: `0+${perStep}x60`,
});
const probes = (status: number, perStep: number): Record<string, string> => ({
  ...responses(200, 150),
  [`http_requests_total{${own},pod="${POD}",route="/health/ready",status="${status}"}`]: `0+${perStep}x60`,
});
const memory = (pod: string, bytes: number): Record<string, string> => ({
  [`container_memory_working_set_bytes{namespace="apis",pod="${pod}",container="api"}`]: `${bytes}x60`,
});
const cpu = (pod: string, cores: number): Record<string, string> => ({
  [`container_cpu_usage_seconds_total{namespace="apis",pod="${pod}",container="api"}`]: `0+${cores * 15}x60`,
});
/** Of 100 responses a step so many take at most 250 and 500 ms, the others at most a second. */
const latency = (within250: number, within500: number, status = 200): Record<string, string> =>
  Object.fromEntries(
    Object.entries({'0.25': within250, '0.5': within500, '1.0': 100, '+Inf': 100}).map(([le, perStep]) => [
      `http_request_duration_seconds_bucket{${own},route="/api/v1/tasks",status="${status}",le="${le}"}`,
      `0+${perStep}x60`,
    ]),
  );
const volume = (free: number): Record<string, string> => {
  const claim = 'namespace="apis",persistentvolumeclaim="data-shop-mysql-0"';
  return {
    [`kubelet_volume_stats_available_bytes{${claim}}`]: `${free}x60`,
    [`kubelet_volume_stats_capacity_bytes{${claim}}`]: '100x60',
  };
};
const condition = (type: string, status: string): Record<string, string> => ({
  [`maintenance_api_condition{${own},type="${type}",status="${status}"}`]: '1x100',
});
const certificate = (days: number): Record<string, string> => ({
  [`maintenance_api_certificate_expiry_timestamp_seconds{${own},certificate="server"}`]: `${days * DAY}x60`,
});
const backupProblem = (values: string, reason: string): Record<string, string> => ({
  [`maintenance_api_backup_problem{${own},reason="${reason}"}`]: values,
});
/** Seconds; promtool begins at 0. A value every 15 s is 240 an hour. */
const backups = (due: string, newest?: string, labels = own): Record<string, string> => ({
  [`maintenance_api_backup_due_timestamp_seconds{${labels}}`]: due,
  ...(newest !== undefined && {[`maintenance_api_backup_last_success_timestamp_seconds{${labels}}`]: newest}),
});
const budget = (left: number): Record<string, string> => ({
  [`maintenance_api_error_budget_remaining_ratio{${own},objective="latency"}`]: `${left}x100`,
});

/** Every alert but the burn rates. */
export const cases: readonly AlertCase[] = [
  {
    alert: 'MaintenanceApiDown',
    fires: [
      {
        what: 'no pod has been ready for more than a minute',
        series: {[`maintenance_api_up{${own}}`]: '1x3 0x20', [`up{${own},pod="${POD}"}`]: '0x30'},
        at: '3m',
      },
      {
        what: 'the operator tells nothing and no pod answers',
        series: {[`up{${own},pod="${POD}"}`]: '0x30', [`up{${own},pod="${OTHER_POD}"}`]: '0x30'},
        at: '3m',
      },
    ],
    silent: [
      {what: 'a minute is not over', series: {[`maintenance_api_up{${own}}`]: '1x3 0x20'}, at: '1m30s'},
      {
        what: 'a pod is ready, and Prometheus alone can not reach it',
        series: {[`maintenance_api_up{${own}}`]: '1x30', [`up{${own},pod="${POD}"}`]: '0x30'},
        at: '5m',
      },
      {
        what: 'one of two pods answers',
        series: {[`up{${own},pod="${POD}"}`]: '0x30', [`up{${own},pod="${OTHER_POD}"}`]: '1x30'},
        at: '5m',
      },
      {what: 'its namesake elsewhere is down', series: {[`maintenance_api_up{${alien}}`]: '0x30'}, at: '5m'},
    ],
  },
  {
    alert: 'MaintenanceApiDatabaseUnreachable',
    fires: [
      {
        what: 'no answer for more than a minute',
        series: {[`maintenance_api_database_up{${own}}`]: '1x3 0x20'},
        at: '3m',
      },
    ],
    silent: [
      {what: 'it answers again', series: {[`maintenance_api_database_up{${own}}`]: '1x3 0x2 1x20'}, at: '3m'},
      {what: 'it was never initialised', series: condition('DatabaseReady', 'False'), at: '3m'},
    ],
  },
  {
    alert: 'MaintenanceApiErrorsHigh',
    fires: [
      {
        what: '6 % of the responses fail',
        series: {...responses(200, 141), ...responses(503, 9)},
        at: '7m',
        value: '6%',
      },
    ],
    silent: [
      {what: '4 % fail', series: {...responses(200, 144), ...responses(503, 6)}, at: '7m'},
      {what: 'five minutes are not over', series: {...responses(200, 141), ...responses(503, 9)}, at: '4m'},
      {what: 'probes fail', series: probes(503, 150), at: '7m'},
      {what: 'clients make mistakes', series: {...responses(200, 50), ...responses(404, 100)}, at: '7m'},
      {what: 'its namesake elsewhere fails', series: responses(503, 150, alien), at: '7m'},
    ],
  },
  {
    alert: 'MaintenanceApiMemoryHigh',
    fires: [
      {
        what: 'one of two pods is at 95 % of its limit',
        series: {...memory(POD, 128 * 1024 * 1024 * 0.95), ...memory(OTHER_POD, 1e6)},
        at: '6m',
        labels: {pod: POD},
        value: '95%',
      },
    ],
    silent: [
      {what: 'it is at 85 %', series: memory(POD, 128 * 1024 * 1024 * 0.85), at: '6m'},
      {what: 'a pod of another resource is full', series: memory('shop-two-6d4cf56db6-x2x4x', 2e9), at: '6m'},
    ],
  },
  {
    alert: 'MaintenanceApiCpuHigh',
    fires: [{what: 'the pods use 90 % of what they requested', series: cpu(POD, 0.09), at: '8m', value: '90%'}],
    silent: [
      {what: 'they use 70 %', series: cpu(POD, 0.07), at: '8m'},
      {what: 'one is busy and the other is not', series: {...cpu(POD, 0.12), ...cpu(OTHER_POD, 0.02)}, at: '8m'},
    ],
  },
  {
    alert: 'MaintenanceApiLatencyHigh',
    fires: [
      {what: 'a tenth of the responses takes longer', series: latency(80, 90), at: '7m', value: '750ms'},
      {what: 'a tenth of the clients gives up', series: latency(80, 90, 499), at: '7m', value: '750ms'},
    ],
    silent: [
      {what: '96 of 100 are in time', series: latency(50, 96), at: '7m'},
      {what: 'it is mistakes of clients that take long', series: latency(80, 90, 404), at: '7m'},
    ],
  },
  {
    alert: 'MaintenanceApiDiskLow',
    fires: [
      {
        what: '9 % are free',
        series: volume(9),
        at: '6m',
        labels: {persistentvolumeclaim: 'data-shop-mysql-0'},
        value: '9%',
      },
    ],
    silent: [{what: '11 % are free', series: volume(11), at: '6m'}],
  },
  {
    alert: 'MaintenanceApiCertificateExpiring',
    fires: [
      {
        what: 'it ends in 29 days',
        series: certificate(29),
        at: '10m',
        labels: {certificate: 'server'},
        value: '28d 23h 50m 0s',
      },
    ],
    silent: [{what: 'it ends in 31 days', series: certificate(31), at: '10m'}],
  },
  {
    alert: 'MaintenanceApiMetricsAbsent',
    rule: {source: 'api'},
    fires: [
      {what: 'there is no target', series: condition('Ready', 'True'), at: '16m'},
      {
        what: 'no target answers',
        series: {...condition('Ready', 'True'), [`up{${own},pod="${POD}"}`]: '0x100'},
        at: '16m',
      },
    ],
    silent: [
      {
        what: 'one of two answers',
        series: {
          ...condition('Ready', 'True'),
          [`up{${own},pod="${POD}"}`]: '1x100',
          [`up{${own},pod="${OTHER_POD}"}`]: '0x100',
        },
        at: '20m',
      },
    ],
  },
  {
    alert: 'MaintenanceApiMetricsAbsent',
    rule: {source: 'operator'},
    fires: [{what: 'the operator is not read', series: {[`up{${own},pod="${POD}"}`]: '1x100'}, at: '16m'}],
    silent: [
      {
        what: 'it tells a condition',
        series: {...condition('Ready', 'False'), [`up{${own},pod="${POD}"}`]: '1x100'},
        at: '20m',
      },
    ],
  },
  {
    alert: 'MaintenanceApiStalled',
    fires: [{what: 'a person has been waited for for 15 minutes', series: condition('Stalled', 'True'), at: '16m'}],
    silent: [
      {what: 'nothing is waited for', series: condition('Stalled', 'False'), at: '16m'},
      {what: 'another condition is True', series: condition('Reconciling', 'True'), at: '16m'},
    ],
  },
  {
    alert: 'MaintenanceApiErrorBudgetExhausted',
    fires: [{what: 'it is overspent', series: budget(-0.1), at: '16m', labels: {objective: 'latency'}}],
    silent: [{what: 'a percent is left', series: budget(0.01), at: '16m'}],
  },
  {
    alert: 'MaintenanceApiBackupFailing',
    fires: [
      {what: 'the bucket is missing for an hour', series: backupProblem('1x300', 'BucketMissing'), at: '61m'},
      {
        what: 'one reason follows another for an hour',
        series: {
          ...backupProblem('1x120 _x200', 'BucketMissing'),
          ...backupProblem('_x120 1x200', 'CredentialsRefused'),
        },
        at: '61m',
      },
    ],
    silent: [
      {what: 'the hour is not over', series: backupProblem('1x300', 'BucketMissing'), at: '59m'},
      {what: 'a backup succeeded meanwhile', series: backupProblem('1x120 stale', 'BucketMissing'), at: '61m'},
      {what: 'it is the key alone', series: backupProblem('1x300', 'KeyOnlyInCluster'), at: '61m'},
    ],
  },
  {
    alert: 'MaintenanceApiBackupOverdue',
    fires: [
      {what: 'the newest is of the day before', series: backups('100000x1000', '14000x1000'), at: '241m'},
      {what: 'there was never one', series: backups('100000x1000'), at: '241m'},
      {
        what: 'the schedule has asked again meanwhile',
        series: backups('100000x480 107200x500', '96400x1000'),
        at: '241m',
      },
    ],
    silent: [
      {what: 'the newest began after it was due', series: backups('100000x1000', '100005x1000'), at: '241m'},
      {what: 'it began a little earlier by its own clock', series: backups('100000x1000', '99970x1000'), at: '241m'},
      {what: 'a run takes three hours', series: backups('100000x1000', '14000x720 100005x300'), at: '241m'},
      {what: 'nothing was due so far', series: backups('_x1000', '14000x1000'), at: '241m'},
      {what: 'its namesake elsewhere has none', series: backups('100000x1000', undefined, alien), at: '241m'},
    ],
  },
  {
    alert: 'MaintenanceApiBackupKeyUnsaved',
    fires: [{what: 'nobody saved it for an hour', series: backupProblem('1x300', 'KeyOnlyInCluster'), at: '61m'}],
    silent: [
      {what: 'it was saved meanwhile', series: backupProblem('1x120 stale', 'KeyOnlyInCluster'), at: '61m'},
      {what: 'something else is the matter', series: backupProblem('1x300', 'BucketMissing'), at: '61m'},
    ],
  },
];

/** One pair of windows of one objective. */
export interface BurnCase {
  readonly alert: AlertName;
  readonly objective: 'availability' | 'latency' | 'errorRate';
  readonly severity: 'critical' | 'warning';
  readonly long: string;
  readonly short: string;
  /** Minutes. */
  readonly longMinutes: number;
  readonly shortMinutes: number;
  /** Share of bad responses above which it fires, as the workbook has it for the default objectives. */
  readonly threshold: number;
}

const WINDOWS = [
  {severity: 'critical', long: '1h', short: '5m', longMinutes: 60, shortMinutes: 5},
  {severity: 'critical', long: '6h', short: '30m', longMinutes: 360, shortMinutes: 30},
  {severity: 'warning', long: '1d', short: '2h', longMinutes: 1440, shortMinutes: 120},
  {severity: 'warning', long: '3d', short: '6h', longMinutes: 4320, shortMinutes: 360},
] as const;

const pairs = (
  of: Pick<BurnCase, 'alert' | 'objective'>,
  thresholds: readonly [number, number, number, number],
): readonly BurnCase[] => WINDOWS.map((windows, index) => ({...of, ...windows, threshold: thresholds[index] ?? 0}));

/** 14.4, 6, 3 and 1 times what 99.9 %, 95 % within 500 ms, and 1 % allow. */
export const burnCases: readonly BurnCase[] = [
  ...pairs({alert: 'MaintenanceApiAvailabilityBudgetBurn', objective: 'availability'}, [0.0144, 0.006, 0.003, 0.001]),
  ...pairs({alert: 'MaintenanceApiLatencyBudgetBurn', objective: 'latency'}, [0.72, 0.3, 0.15, 0.05]),
  ...pairs({alert: 'MaintenanceApiErrorRateBudgetBurn', objective: 'errorRate'}, [0.144, 0.06, 0.03, 0.01]),
];

/** For so many minutes this share of the responses is bad. */
export interface Phase {
  readonly minutes: number;
  readonly share: number;
}

/** A counter that grows by so much each minute of each phase, in promtool's notation, a value a minute. */
function counter(phases: readonly Phase[], perMinute: (share: number) => number): string {
  let reached = 0;
  return phases
    .map(({minutes, share}) => {
      const step = perMinute(share);
      const text = `${reached}+${step}x${minutes - 1}`;
      reached += step * minutes;
      return text;
    })
    .join(' ');
}

/** Traffic of which a share is slow and a share fails; `perMinute` responses. */
export function traffic(alert: AlertName, phases: readonly Phase[], perMinute = 6000): Record<string, string> {
  if (alert === 'MaintenanceApiLatencyBudgetBurn') {
    const labels = `${own},status="200"`;
    return {
      [`http_requests_total{${labels}}`]: counter(phases, () => perMinute),
      [`http_request_duration_seconds_count{${labels}}`]: counter(phases, () => perMinute),
      [`http_request_duration_seconds_bucket{${labels},le="0.5"}`]: counter(phases, (share) => perMinute * (1 - share)),
    };
  }
  return {
    [`http_requests_total{${own},status="200"}`]: counter(phases, (share) => perMinute * (1 - share)),
    [`http_requests_total{${own},status="500"}`]: counter(phases, (share) => perMinute * share),
  };
}

/** Traffic of which a share is given up, all of it after longer than the threshold; `perMinute` requests. */
export function abandoned(phases: readonly Phase[], perMinute = 6000): Record<string, string> {
  const count = (status: number, step: (share: number) => number, quick: (share: number) => number) => ({
    [`http_requests_total{${own},status="${status}"}`]: counter(phases, step),
    [`http_request_duration_seconds_count{${own},status="${status}"}`]: counter(phases, step),
    [`http_request_duration_seconds_bucket{${own},status="${status}",le="0.5"}`]: counter(phases, quick),
  });
  const answered = (share: number) => perMinute * (1 - share);
  return {
    ...count(200, answered, answered),
    ...count(
      499,
      (share) => perMinute * share,
      () => 0,
    ),
  };
}
