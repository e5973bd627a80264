import {canonicalHash} from './canonical.ts';

/** Accounts of the managed database: a role is one account, one Secret and one set of privileges. */
export const databaseRoles = ['app', 'migrate', 'backup', 'monitor', 'admin'] as const;
export type DatabaseRole = (typeof databaseRoles)[number];

/** Names of everything that belongs to one MaintenanceApi, all in its namespace. */
export interface ChildNames {
  /** Deployment, Service, ServiceAccount, autoscaler, disruption budget, PodMonitor and PrometheusRule of the API. */
  readonly api: string;
  /** ConfigMap with the alert rules. */
  readonly rules: string;
  /** ConfigMap that switches read-only mode. */
  readonly mode: string;
  /** Secret with the API's bearer tokens. */
  readonly apiTokens: string;
  /** StatefulSet, ClusterIP Service and ServiceAccount of the database. */
  readonly database: string;
  /** Headless Service that gives each database pod a name. */
  readonly databasePods: string;
  /** ConfigMap with my.cnf and the init script. */
  readonly databaseConfig: string;
  /** Secret with an account's name and password, by role. */
  readonly databaseRole: Readonly<Record<DatabaseRole, string>>;
  /** Secret with the server's certificate and key and the authority's certificate. */
  readonly databaseTls: string;
  /** Secret with the authority's certificate and key; never mounted. */
  readonly databaseAuthority: string;
  /** CronJob and NetworkPolicy of backups. */
  readonly backup: string;
  /** Secret with the encryption key that the operator generated. */
  readonly backupKeys: string;
  /** Secret with the server UUID of each ordinal that was once initialised. */
  readonly databaseState: string;
}

/** The names of the children of the MaintenanceApi called `name`. */
export function childNames(name: string): ChildNames {
  const database = `${name}-mysql`;
  return {
    api: name,
    rules: `${name}-rules`,
    mode: `${name}-mode`,
    apiTokens: `${name}-api-tokens`,
    database,
    databasePods: `${database}-pods`,
    databaseConfig: `${database}-config`,
    databaseRole: {
      app: `${database}-app`,
      migrate: `${database}-migrate`,
      backup: `${database}-backup`,
      monitor: `${database}-monitor`,
      admin: `${database}-admin`,
    },
    databaseTls: `${database}-tls`,
    databaseAuthority: `${database}-ca`,
    databaseState: `${database}-state`,
    backup: `${name}-backup`,
    backupKeys: `${name}-backup-keys`,
  };
}

/** Key of the ConfigMap that switches read-only mode, and the name of the file that it is mounted as. */
export const READ_ONLY_KEY = 'read-only';

/** Name of the ControllerRevision that holds a revision. */
export function revisionName(name: string, hash: string): string {
  return `${name}-${hash}`;
}

/** Name of the Job of a MaintenanceApiBackup that somebody made, by its uid. */
export function backupJobName(name: string, uid: string): string {
  return `${childNames(name).backup}-${canonicalHash(uid).slice(0, 10)}`;
}

/** Name of the MaintenanceApiBackup by which a request is answered. */
export function requestedBackupName({name, uid}: {readonly name: string; readonly uid: string}, value: string): string {
  return `${name}-now-${canonicalHash([uid, value]).slice(0, 10)}`;
}

/** Name of a database pod. */
export function databasePodName(name: string, ordinal: number): string {
  return `${childNames(name).database}-${ordinal}`;
}

/** Name of a database pod's PersistentVolumeClaim. */
export function volumeClaimName(name: string, ordinal: number): string {
  return `data-${databasePodName(name, ordinal)}`;
}

/**
 * Host name of a database pod, which its certificate names: where the operator reaches its admin interface.
 *
 * @param name - of the MaintenanceApi
 */
export function databasePodHost(name: string, namespace: string, ordinal: number): string {
  return `${databasePodName(name, ordinal)}.${childNames(name).databasePods}.${namespace}.svc`;
}

/** Every host name and address by which a client reaches the database: the subjects of its certificate. */
export function databaseHosts(
  name: string,
  namespace: string,
): {readonly dns: readonly string[]; readonly ip: readonly string[]} {
  const {database, databasePods} = childNames(name);
  const services = [database, `*.${databasePods}`];
  return {
    dns: [
      ...services.flatMap((service) => [service, `${service}.${namespace}`, `${service}.${namespace}.svc`]),
      'localhost',
    ],
    ip: ['127.0.0.1', '::1'],
  };
}

/** Ports of the children, in the pods unless said otherwise. */
export const ports = {
  api: 8080,
  apiMetrics: 9090,
  /** Of the API's Service. */
  apiService: 80,
  mysql: 3306,
  mysqlAdmin: 33062,
} as const;
