import {Gauge, type Registry} from 'prom-client';
import {certificateEnd} from '../act/pki.ts';
import {
  resourceMetrics,
  type MaintenanceApiStatus,
  type Reason,
  type ResourceMetricName,
} from '../api/v1alpha1/index.ts';
import type {DatabaseView} from './conditions.ts';

/** What is told about one resource. */
export interface ResourceFacts {
  readonly status: MaintenanceApiStatus;
  readonly database: DatabaseView;
  /** PEM, by what they are. */
  readonly certificates: Readonly<Record<'server' | 'authority', string>> | undefined;
  /** When the schedule last asked for a backup, milliseconds. */
  readonly backupDue: number | undefined;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

type Read = (facts: ResourceFacts) => readonly Sample[];

/** 1, 0, or nothing where there is nothing to say yet. */
const flag = (value: boolean | undefined): readonly Sample[] =>
  value === undefined ? [] : [{labels: {}, value: value ? 1 : 0}];

function isUp({status: {replicas, revisions}}: ResourceFacts): boolean | undefined {
  if ((replicas?.ready ?? 0) > 0) return true;
  const served = revisions?.rolledOutAt !== undefined || revisions?.lastKnownGood !== undefined;
  return served ? false : undefined;
}

function isDatabaseUp({database}: ResourceFacts): boolean | undefined {
  switch (database.state) {
    case 'Ready':
      return true;
    case 'Unreachable':
    case 'DataMissing':
      return false;
    case 'Starting':
      return undefined;
  }
}

/** `83%` as 0.83; undefined where it is not known. */
function shareOf(percent: string): number | undefined {
  return percent.endsWith('%') ? Number(percent.slice(0, -1)) / 100 : undefined;
}

/** Nobody asked for backups, or not now. */
const UNASKED: readonly Reason[] = ['NoBackups', 'BackupsSuspended'];

function backupProblem({status}: ResourceFacts): readonly Sample[] {
  const {status: is, reason} = status.conditions?.find(({type}) => type === 'BackupReady') ?? {};
  if (is !== 'False' || reason === undefined || UNASKED.includes(reason)) return [];
  return [{labels: {reason}, value: 1}];
}

/** A moment in milliseconds, or none. */
const moment = (time: number | undefined): readonly Sample[] =>
  time === undefined || Number.isNaN(time) ? [] : [{labels: {}, value: time / 1000}];

const reads: Readonly<Record<ResourceMetricName, Read>> = {
  maintenance_api_up: (facts) => flag(isUp(facts)),
  maintenance_api_condition: ({status}) =>
    (status.conditions ?? []).map((condition) => ({
      labels: {type: condition.type, status: condition.status},
      value: 1,
    })),
  maintenance_api_database_up: (facts) => flag(isDatabaseUp(facts)),
  maintenance_api_certificate_expiry_timestamp_seconds: ({certificates}) =>
    Object.entries(certificates ?? {}).flatMap(([certificate, pem]) => {
      const end = certificateEnd(pem);
      return end === undefined ? [] : [{labels: {certificate}, value: end.getTime() / 1000}];
    }),
  maintenance_api_error_budget_remaining_ratio: ({status}) =>
    (status.slo ?? []).flatMap(({name, budgetRemaining}) => {
      const value = shareOf(budgetRemaining);
      return value === undefined ? [] : [{labels: {objective: name}, value}];
    }),
  maintenance_api_backup_problem: backupProblem,
  maintenance_api_backup_due_timestamp_seconds: ({backupDue}) => moment(backupDue),
  maintenance_api_backup_last_success_timestamp_seconds: ({status}) =>
    moment(Date.parse(status.backup?.last?.startedAt ?? '')),
};

/** The operator's metrics about each resource: what was last found, read when they are scraped. */
export class ResourceMetrics {
  readonly #facts = new Map<string, ResourceFacts>();

  constructor(registry: Pick<Registry, 'registerMetric'>) {
    for (const name of Object.keys(resourceMetrics) as ResourceMetricName[]) this.#register(registry, name);
  }

  /** @param key - of the MaintenanceApi */
  tell(key: string, facts: ResourceFacts): void {
    this.#facts.set(key, facts);
  }

  /** Ends every series of a resource. */
  forget(key: string): void {
    this.#facts.delete(key);
  }

  #register(registry: Pick<Registry, 'registerMetric'>, name: ResourceMetricName): void {
    const facts = this.#facts;
    const {help, labels} = resourceMetrics[name];
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['namespace', 'maintenanceapi', ...labels],
      registers: [],
      collect() {
        this.reset();
        for (const [key, known] of facts) {
          const [namespace = '', maintenanceapi = ''] = key.split('/');
          for (const sample of reads[name](known))
            this.set({namespace, maintenanceapi, ...sample.labels}, sample.value);
        }
      },
    });
    registry.registerMetric(gauge);
  }
}
