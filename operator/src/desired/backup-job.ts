import type {Job, JobSpec} from 'kubernetes-types/batch/v1.js';
import type {Container, EnvVar, PodSpec, Volume} from 'kubernetes-types/core/v1.js';
import {
  API_VERSION,
  backupSecretKeys,
  childLabels,
  type BackupSpec,
  type MaintenanceApi,
} from '../api/v1alpha1/index.ts';
import {backupDatabase} from './backup-database.ts';
import {backupFiles} from './backup-files.ts';
import {canonicalResources} from './canonical.ts';
import {childNames} from './names.ts';
import type {BackupInput, KubeObject} from './objects.ts';
import {containerSecurity, podSecurity, SECRET_MODE} from './pod-security.ts';
import {secretKeys} from './secret-keys.ts';

/** As the API's pods: by number, for any image. */
const BACKUP_USER = 65532;
const DEADLINE_SECONDS = 21_600;
/** Pods that end without a backup are replaced so often: a node may have been drained. */
const MORE_PODS = 2;
/** How long one container waits for the other: its image may have to be pulled. */
const START_SECONDS = 300;
/** To abort the upload that is under way. */
const SHUTDOWN_SECONDS = 60;
/** The result is read within seconds; a week is for an operator that is down. */
const KEPT_SECONDS = 604_800;

/** Who wants a backup now. */
export interface BackupRequest {
  readonly name: string;
  readonly uid: string;
}

/** What runs once a backup: mysqldump in the database's image, and the program that stores it in the operator's. */
export function backupJobSpec({api, backup, image, keyId}: BackupInput): JobSpec {
  const {imagePullSecrets} = api.spec;
  const podSpec: PodSpec = {
    restartPolicy: 'Never',
    serviceAccountName: childNames(api.metadata.name).database,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: SHUTDOWN_SECONDS,
    securityContext: podSecurity(BACKUP_USER),
    ...(imagePullSecrets !== undefined && imagePullSecrets.length > 0 && {imagePullSecrets}),
    initContainers: [scriptContainer(backup, image)],
    containers: [dumpContainer(api), streamContainer(api, {backup, image, keyId})],
    volumes: volumes(api, backup),
  };
  return {
    backoffLimit: MORE_PODS,
    activeDeadlineSeconds: DEADLINE_SECONDS,
    // Never two of them: each would wait for the other's lock.
    podReplacementPolicy: 'Failed',
    template: {metadata: {labels: childLabels(api.metadata.name, 'backup')}, spec: podSpec},
  } satisfies JobSpec & {podReplacementPolicy: string};
}

/** The Job of a MaintenanceApiBackup that somebody made. It goes with it. */
export function backupJob(input: BackupInput, name: string, request: BackupRequest): KubeObject {
  const {metadata} = input.api;
  const owner = {apiVersion: API_VERSION, kind: 'MaintenanceApiBackup', ...request, controller: true};
  const jobMetadata = {
    name,
    namespace: metadata.namespace,
    labels: childLabels(metadata.name, 'backup'),
    ownerReferences: [owner],
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: jobMetadata,
    spec: {...backupJobSpec(input), ttlSecondsAfterFinished: KEPT_SECONDS},
  } satisfies Job;
}

/** The dump's script is the stream program's, so that both sides of the FIFO are of one version. */
function scriptContainer({resources}: BackupSpec, image: string): Container {
  return {
    name: 'script',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', `node /app/backup.mjs dump-script >${backupFiles.script}`],
    resources: withDisk(canonicalResources(resources)),
    securityContext: containerSecurity,
    volumeMounts: [handover],
  };
}

function dumpContainer(api: MaintenanceApi): Container {
  return {
    name: 'mysqldump',
    image: backupDatabase(api).image,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', backupFiles.script],
    env: [...databaseVariables(api), variable('TMPDIR', backupFiles.temporary)],
    resources: withDisk({requests: {cpu: '100m', memory: '64Mi'}, limits: {memory: '256Mi'}}),
    securityContext: containerSecurity,
    volumeMounts: [handover, ...databaseMounts, {name: 'tmp', mountPath: backupFiles.temporary}],
  };
}

function streamContainer(api: MaintenanceApi, {backup, image, keyId}: Omit<BackupInput, 'api'>): Container {
  const {namespace, name, uid} = api.metadata;
  const {s3} = backup.destination;
  const mounted = s3.caSecretRef === undefined ? [] : [readOnly('storage-ca', backupFiles.storageAuthority)];
  return {
    name: 'backup',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '--max-semi-space-size=1', '/app/backup.mjs'],
    env: [
      ...databaseVariables(api),
      // Of the pod: each that the Job starts has keys of its own in the bucket.
      {name: 'BACKUP_ID', valueFrom: {fieldRef: {apiVersion: 'v1', fieldPath: 'metadata.uid'}}},
      variable('BACKUP_NAMESPACE', namespace),
      variable('BACKUP_NAME', name),
      variable('BACKUP_UID', uid),
      variable('S3_BUCKET', s3.bucket),
      variable('S3_REGION', s3.region),
      ...(s3.endpoint === undefined ? [] : [variable('S3_ENDPOINT', s3.endpoint)]),
      ...(s3.prefix === '' ? [] : [variable('S3_PREFIX', s3.prefix)]),
      variable('S3_FORCE_PATH_STYLE', String(s3.forcePathStyle)),
      variable('S3_CREDENTIALS', backupFiles.storage),
      ...(s3.caSecretRef === undefined ? [] : [variable('S3_CA_FILE', backupFiles.storageAuthorityFile)]),
      variable('KEYS', backupFiles.keys),
      variable('KEY_ID', keyId),
      variable('TERMINATION_LOG', '/dev/termination-log'),
    ],
    resources: withDisk(canonicalResources(backup.resources)),
    securityContext: containerSecurity,
    volumeMounts: [
      handover,
      ...databaseMounts,
      readOnly('storage', backupFiles.storage),
      ...mounted,
      readOnly('keys', backupFiles.keys),
    ],
  };
}

const variable = (name: string, value: string): EnvVar => ({name, value});
const readOnly = (name: string, mountPath: string): {name: string; mountPath: string; readOnly: true} => ({
  ...{name, mountPath},
  readOnly: true,
});
const handover = {name: 'handover', mountPath: backupFiles.handover};
const databaseMounts = [
  readOnly('database', backupFiles.database),
  readOnly('database-ca', backupFiles.databaseAuthority),
];

/** What both containers must know of the database. */
function databaseVariables(api: MaintenanceApi): EnvVar[] {
  const {host, port} = backupDatabase(api);
  return [
    variable('HANDOVER', backupFiles.handover),
    variable('CREDENTIALS', backupFiles.database),
    variable('CA_FILE', `${backupFiles.databaseAuthority}/${secretKeys.authority}`),
    variable('DB_HOST', host),
    variable('DB_PORT', String(port)),
    variable('DB_NAME', api.spec.database.name),
    variable('START_SECONDS', String(START_SECONDS)),
  ];
}

type Resources = ReturnType<typeof canonicalResources>;

/** Neither container writes more than messages; one that does is evicted, not the node's other pods. */
function withDisk({requests, limits}: Resources): Resources {
  return {
    requests: {...requests, 'ephemeral-storage': '32Mi'},
    limits: {...limits, 'ephemeral-storage': '64Mi'},
  };
}

function volumes(api: MaintenanceApi, {destination: {s3}, encryption}: BackupSpec): Volume[] {
  const {backupKeys} = childNames(api.metadata.name);
  const {authority, credentials} = backupDatabase(api);
  const secret = (name: string, secretName: string, ...keys: readonly string[]): Volume => ({
    name,
    secret: {
      secretName,
      defaultMode: SECRET_MODE,
      ...(keys.length > 0 && {items: keys.map((key) => ({key, path: key}))}),
    },
  });
  return [
    {name: 'handover', emptyDir: {sizeLimit: '16Mi'}},
    {name: 'tmp', emptyDir: {medium: 'Memory', sizeLimit: '1Mi'}},
    secret('database', credentials, secretKeys.username, secretKeys.password),
    // By its key alone: the same Secret holds the server's private key.
    secret('database-ca', authority, secretKeys.authority),
    secret('storage', s3.credentialsSecretRef.name, backupSecretKeys.accessKeyId, backupSecretKeys.secretAccessKey),
    ...(s3.caSecretRef === undefined ? [] : [secret('storage-ca', s3.caSecretRef.name, backupSecretKeys.authority)]),
    secret('keys', encryption?.keysSecretRef.name ?? backupKeys),
  ];
}
