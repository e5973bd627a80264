/** A metric of the operator's own about one MaintenanceApi. */
interface ResourceMetric {
  readonly help: string;
  /** Labels besides `namespace` and `maintenanceapi`; each has a closed set of values. */
  readonly labels: readonly string[];
}

/**
 * What the operator that leads tells about each MaintenanceApi; docs are generated from it. The series of a resource go
 * when it goes. `namespace` is the resource's: scrape the operator with `honorLabels: true` (config/prometheus).
 */
export const resourceMetrics = {
  maintenance_api_up: {
    help: '1: a pod of the API is ready. 0: none is, though the service was rolled out once; absent before that.',
    labels: [],
  },
  maintenance_api_condition: {
    help: '1 for each condition, with the status that it has.',
    labels: ['type', 'status'],
  },
  maintenance_api_database_up: {
    help: '1: the database answers. 0: it does not, or lost its data; absent until it was first initialised.',
    labels: [],
  },
  maintenance_api_certificate_expiry_timestamp_seconds: {
    help: "When a certificate that the operator issued ends: the database's own (server) and the one that signed it (authority).",
    labels: ['certificate'],
  },
  maintenance_api_error_budget_remaining_ratio: {
    help: 'Share of the error budget of spec.slo.windowDays that is left, below 0 where it is overspent; absent while unknown.',
    labels: ['objective'],
  },
  maintenance_api_backup_problem: {
    help: '1 with the reason for which the condition BackupReady is False; absent where it is not, and where no backups are asked for (reasons NoBackups and BackupsSuspended).',
    labels: ['reason'],
  },
  maintenance_api_backup_due_timestamp_seconds: {
    help: 'When spec.backup.schedule last asked for a backup, since it is as it is; absent before that and while it is suspended.',
    labels: [],
  },
  maintenance_api_backup_last_success_timestamp_seconds: {
    help: 'Until when the newest backup that is listed has what was written; absent where there is none.',
    labels: [],
  },
} as const satisfies Readonly<Record<string, ResourceMetric>>;

export type ResourceMetricName = keyof typeof resourceMetrics;
