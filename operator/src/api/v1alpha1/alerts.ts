/** Whom an alert is for. critical: wake somebody (a page). warning: look at it in working hours (a ticket). */
export type AlertSeverity = 'critical' | 'warning';

/** What is known of an alert besides its expression. */
interface AlertEntry {
  /** Burn rates have one alert in both severities. */
  readonly severities: readonly [AlertSeverity, ...AlertSeverity[]];
  /** When it fires, for a person. */
  readonly when: string;
  /** What it means for the users of the service. */
  readonly meaning: string;
  /** What to look at, in this order. `$NAMESPACE` and `$NAME` are the resource's. */
  readonly look: readonly string[];
  /** What the operator does about it by itself. */
  readonly operator: string;
}

const status = '`kubectl describe maintenanceapi -n $NAMESPACE $NAME`';
const decision = `${status}: Last Decision says which cause was found, which were ruled out, and what was not done for which reason`;
const burning =
  'The error budget is being spent so fast that the objective will be missed. Critical: at least 2 % of it went within the ' +
  'last hour, or 5 % within the last six. Warning: 10 % within a day, or within three days';
const rollback =
  'It measures the same objective over a much shorter window, and rolls a bad release back when two witnesses agree; it tells in status why it did or did not';

/**
 * Every alert of a MaintenanceApi, by its name; the reference page with the runbooks is generated from it. The
 * thresholds are those of the operations guide, the burn rates those of the SRE workbook, chapter 5.
 */
export const alerts = {
  MaintenanceApiDown: {
    severities: ['critical'],
    when: 'No pod of the API is ready for a minute; or, where the operator tells nothing, none answers Prometheus.',
    meaning: 'Clients get no answer at all.',
    look: [
      status,
      '`kubectl get pods -n $NAMESPACE -l app.kubernetes.io/instance=$NAME`: pending, restarting, or running and not ready?',
      '`kubectl logs -n $NAMESPACE deployment/$NAME --previous` where they restart',
      'whether MaintenanceApiDatabaseUnreachable fires too: a pod without its database is not ready',
    ],
    operator:
      'A new release whose pods do not become ready takes no traffic and is held; the old pods serve on. With a bad release in service it rolls back.',
  },
  MaintenanceApiDatabaseUnreachable: {
    severities: ['critical'],
    when: 'The database does not answer the operator for a minute, or its data is missing.',
    meaning: 'Requests are answered with 503, and after three misses pods are no longer ready.',
    look: [
      `${status}: condition DatabaseReady names the object at fault`,
      '`kubectl describe pod -n $NAMESPACE $NAME-mysql-0` and `kubectl logs -n $NAMESPACE $NAME-mysql-0`',
      'the volume: `kubectl describe pvc -n $NAMESPACE data-$NAME-mysql-0`',
      'with reason DataMissing: do not delete anything; the volume was initialised once and is empty now, so the data has to be restored',
    ],
    operator:
      'It never initialises a volume twice, repairs accounts that do not work, and does not roll a release back for a database that is away.',
  },
  MaintenanceApiErrorsHigh: {
    severities: ['critical'],
    when: 'More than 5 % of the responses of a minute are server errors, for five minutes.',
    meaning: 'At least one request in twenty fails.',
    look: [
      decision,
      '`kubectl logs -n $NAMESPACE deployment/$NAME`: what the failing requests have in common',
      '`http_requests_total` by `route` and by `status`, and by pod: one pod alone, or one route alone?',
    ],
    operator: `${rollback}.`,
  },
  MaintenanceApiMemoryHigh: {
    severities: ['critical'],
    when: "A pod's working set is above 90 % of its memory limit for five minutes.",
    meaning: 'The pod will be killed at its limit, and its requests in flight with it.',
    look: [
      'the pod named in the alert: did its memory climb since it was started (a leak), or with the traffic?',
      '`spec.resources.limits.memory`, and the release notes of the image',
    ],
    operator: 'Nothing. A pod that is killed is started again by the kubelet, while the others serve.',
  },
  MaintenanceApiAvailabilityBudgetBurn: {
    severities: ['critical', 'warning'],
    when: 'The budget of `spec.slo.availability` burns faster than its window allows, over a long and a short window.',
    meaning: `${burning}. Bad are server errors among all responses but those with a status of 4xx.`,
    look: [decision, 'the runbook of MaintenanceApiErrorsHigh'],
    operator: `${rollback}.`,
  },
  MaintenanceApiLatencyBudgetBurn: {
    severities: ['critical', 'warning'],
    when: 'The budget of `spec.slo.latency` burns faster than its window allows, over a long and a short window.',
    meaning: `${burning}. Bad are responses that take longer than the threshold, and requests that were given up after it.`,
    look: [decision, 'the runbook of MaintenanceApiLatencyHigh'],
    operator: `${rollback}.`,
  },
  MaintenanceApiErrorRateBudgetBurn: {
    severities: ['critical', 'warning'],
    when: 'The budget of `spec.slo.errorRate` burns faster than its window allows, over a long and a short window.',
    meaning: `${burning}. Bad are server errors among all responses.`,
    look: [decision, 'the runbook of MaintenanceApiErrorsHigh'],
    operator: `${rollback}.`,
  },
  MaintenanceApiCpuHigh: {
    severities: ['warning'],
    when: 'The pods use more than 80 % of their CPU request on average (of the limit, where there is no request) for five minutes.',
    meaning: 'The autoscaler, which aims at less, is at its most pods or can not start more; answers get slower next.',
    look: [
      '`kubectl describe hpa -n $NAMESPACE $NAME`: is it at maxReplicas, or can it not read metrics?',
      '`kubectl get pods -n $NAMESPACE`: pods that are Pending for want of room',
    ],
    operator: 'The autoscaler adds pods up to `spec.autoscaling.maxReplicas`. With `spec.replicas` nothing is added.',
  },
  MaintenanceApiLatencyHigh: {
    severities: ['warning'],
    when: 'The percentile of `spec.slo.latency` is above its threshold (by default the 95th above 500 ms) for five minutes.',
    meaning: 'Clients wait noticeably.',
    look: [
      decision,
      'MaintenanceApiCpuHigh: too few pods?',
      '`mysql_query_duration_seconds` and `mysql_pool_pending_requests`: does the database take long, or are there too few connections?',
    ],
    operator: `${rollback}.`,
  },
  MaintenanceApiDiskLow: {
    severities: ['warning'],
    when: "Less than 10 % of the database's volume is free for five minutes.",
    meaning: 'When it is full MySQL stops writing, and requests that change something fail.',
    look: [
      'what takes the room: data, or binary logs (kept for an hour)',
      '`kubectl describe pvc -n $NAMESPACE data-$NAME-mysql-0`, and whether its StorageClass lets a volume grow',
    ],
    operator: 'Nothing: the size of the volume is fixed.',
  },
  MaintenanceApiCertificateExpiring: {
    severities: ['warning'],
    when: 'A certificate of the database ends in less than 30 days.',
    meaning: 'From then on the API could no longer connect to its database.',
    look: [
      'the server certificate should have been renewed four months before its end: the log of the operator says why it was not',
      `${status}: condition Ready may name a damaged or missing Secret, or a missing permission`,
      'that the resource is not paused: then Secrets are only read',
    ],
    operator:
      "It renews the server's certificate after two thirds of its year. The authority lasts ten years and is not renewed.",
  },
  MaintenanceApiMetricsAbsent: {
    severities: ['warning'],
    when: 'Prometheus has no reading of the API (`source="api"`) or of what the operator tells about it (`source="operator"`) for 15 minutes.',
    meaning: 'The other alerts can not fire: silence is no good news.',
    look: [
      'Prometheus, Status, Target health: is the target there, and what is its error?',
      'api: that a Prometheus selects the PodMonitor `$NAME` (`spec.monitoring.labels`), or that your own scrape configuration sets the labels `namespace` and `maintenanceapi`',
      'operator: that config/prometheus is applied, and `kubectl get pods -n maintenance-api-system`',
    ],
    operator:
      'It reads the pods itself, unless `spec.slo.source.prometheusRef` is set. Without readings it does not act.',
  },
  MaintenanceApiStalled: {
    severities: ['warning'],
    when: 'The condition Stalled is True for 15 minutes.',
    meaning:
      'The operator can not bring the cluster to what the spec asks without a person. What served before serves on.',
    look: [`${status}: the message of the condition Stalled says what has to be done`],
    operator: 'It goes on by itself as soon as the obstacle is gone.',
  },
  MaintenanceApiErrorBudgetExhausted: {
    severities: ['warning'],
    when: 'Nothing is left of the error budget of an objective, for 15 minutes.',
    meaning:
      'The promise is missed over its window. The SRE workbook advises to release only what makes the service more reliable.',
    look: ['`status.slo` of the resource: which objective, and how much of the window was observed', decision],
    operator: 'Nothing: a spent budget is told, not acted on.',
  },
  MaintenanceApiBackupFailing: {
    severities: ['warning'],
    when: 'For an hour the condition BackupReady has been False, for another reason than a key that is in the cluster alone.',
    meaning: 'No backup is made, or the last run made none: what is written now may be lost with the volume.',
    look: [
      `${status}: the condition BackupReady names the cause and the object`,
      '`kubectl get mapib -n $NAMESPACE`, and the logs of the newest Job of CronJob `$NAME-backup`',
      'docs/reference/backup-failures.md: each cause and how it is mended',
    ],
    operator: 'It leaves nothing half-made behind, and tries again when the schedule asks, or `backup-now` does.',
  },
  MaintenanceApiBackupOverdue: {
    severities: ['warning'],
    when: 'For four hours the newest backup that is listed has been older than the time at which `spec.backup.schedule` last asked for one.',
    meaning: 'A loss of the volume would cost more of the data than was agreed on.',
    look: [
      'whether MaintenanceApiBackupFailing fires too: it names the cause',
      '`kubectl get cronjob,job -n $NAMESPACE`: did a run begin, and does it still go on?',
      '`kubectl get mapib -n $NAMESPACE`: which backups there are',
    ],
    operator: 'It does not begin a run that the schedule missed by more than an hour: ask for one by `backup-now`.',
  },
  MaintenanceApiBackupKeyUnsaved: {
    severities: ['warning'],
    when: 'For an hour the key of the backups, which the operator generated, has been in this cluster alone.',
    meaning: 'When the cluster is lost, no backup can be read.',
    look: [
      `${status}: the condition BackupReady names the key and the annotation`,
      'keep a copy of Secret `$NAME-backup-keys` outside of the cluster, then set the annotation `maintenance-api.io/key-saved`',
    ],
    operator: 'It goes on making backups with that key, and believes the annotation.',
  },
} as const satisfies Readonly<Record<string, AlertEntry>>;

export type AlertName = keyof typeof alerts;

/**
 * Where the runbook of an alert is.
 *
 * @param baseUrl - `spec.monitoring.runbookBaseUrl`: a page with the sections of docs/reference/alerts.md
 */
export function runbookUrl(baseUrl: string, alert: AlertName): string {
  return `${baseUrl}#${alert.toLowerCase()}`;
}
