import type {Container, PodSpec, PodTemplateSpec, Volume} from 'kubernetes-types/core/v1.js';
import {childLabels, type MaintenanceApiSpec, type ManagedDatabase} from '../api/v1alpha1/index.ts';
import {canonicalResources} from './canonical.ts';
import {mysqlFiles} from './mysql-files.ts';
import {childNames, databaseRoles, ports} from './names.ts';
import {containerSecurity, podSecurity, SECRET_MODE} from './pod-security.ts';
import {secretKeys} from './secret-keys.ts';

/** Time to flush and close: a kill in the middle costs a crash recovery at the next start. */
const SHUTDOWN_SECONDS = 300;

/** What the claim of the server's volume is called, in the pod and in the StatefulSet. */
export const CLAIM = 'data';

/** The first generation of the database's pod template. */
export function databasePod(name: string, spec: MaintenanceApiSpec, database: ManagedDatabase): PodTemplateSpec {
  return {metadata: {labels: childLabels(name, 'database')}, spec: podSpec(name, spec, database)};
}

function podSpec(name: string, spec: MaintenanceApiSpec, database: ManagedDatabase): PodSpec {
  const names = childNames(name);
  return {
    serviceAccountName: names.database,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: SHUTDOWN_SECONDS,
    securityContext: {
      ...podSecurity(database.runAsUser),
      // A volume of many files would else be walked through at every start.
      fsGroupChangePolicy: 'OnRootMismatch',
    },
    initContainers: [initContainer(spec, database)],
    containers: [serverContainer(database)],
    volumes: volumes(name),
  };
}

function initContainer(spec: MaintenanceApiSpec, database: ManagedDatabase): Container {
  return {
    ...commonContainer('init', database),
    command: ['/bin/sh', mysqlFiles.initScript],
    env: [
      fieldVariable('POD_NAME', 'metadata.name'),
      {name: 'DB_NAME', value: spec.database.name},
      // In GRANT an underscore stands for any character.
      {name: 'DB_NAME_PATTERN', value: spec.database.name.replaceAll('_', String.raw`\_`)},
      {name: 'TERMINATION_LOG', value: '/dev/termination-log'},
      {name: 'DATA', value: mysqlFiles.data},
      {name: 'MY_CNF', value: mysqlFiles.myCnf},
      {name: 'INIT_FILE', value: mysqlFiles.initFile},
      {name: 'PROBE_FILE', value: mysqlFiles.probeFile},
      {name: 'PASSWORDS', value: mysqlFiles.passwords},
      {name: 'STATE', value: mysqlFiles.state},
    ],
    volumeMounts: [
      ...writableMounts,
      {name: 'configuration', mountPath: mysqlFiles.configuration, readOnly: true},
      {name: 'tls', mountPath: mysqlFiles.tls, readOnly: true},
      {name: 'accounts', mountPath: mysqlFiles.accounts},
      {name: 'passwords', mountPath: mysqlFiles.passwords, readOnly: true},
      {name: 'state', mountPath: mysqlFiles.state, readOnly: true},
    ],
  };
}

/**
 * mysqld itself. Readiness only: a startup or liveness probe that fails would turn a long crash recovery into a loop;
 * a process that ended is started again without one.
 */
function serverContainer(database: ManagedDatabase): Container {
  return {
    ...commonContainer('mysqld', database),
    command: [
      'mysqld',
      `--defaults-file=${mysqlFiles.myCnf}`,
      '--admin-address=$(POD_IP)',
      `--init-file=${mysqlFiles.initFile}`,
    ],
    env: [fieldVariable('POD_IP', 'status.podIP')],
    ports: [
      {name: 'mysql', containerPort: ports.mysql, protocol: 'TCP'},
      {name: 'mysql-admin', containerPort: ports.mysqlAdmin, protocol: 'TCP'},
    ],
    readinessProbe: {
      // Fails until the server lets clients in, so also while the accounts are being made. A server that refuses the login,
      // because all connections are taken, is alive: ping then ends with 0 (its manual).
      exec: {
        command: [
          'mysqladmin',
          `--defaults-file=${mysqlFiles.probeFile}`,
          `--port=${ports.mysql}`,
          '--connect-timeout=3',
          'ping',
        ],
      },
      periodSeconds: 5,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    volumeMounts: [
      ...writableMounts,
      {name: 'configuration', mountPath: mysqlFiles.configuration, readOnly: true},
      {name: 'tls', mountPath: mysqlFiles.tls, readOnly: true},
      {name: 'accounts', mountPath: mysqlFiles.accounts, readOnly: true},
    ],
  };
}

function commonContainer(name: string, {image, resources}: ManagedDatabase): Container {
  return {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    resources: canonicalResources(resources),
    securityContext: containerSecurity,
  };
}

const writableMounts = [
  {name: CLAIM, mountPath: mysqlFiles.volume},
  {name: 'run', mountPath: mysqlFiles.run},
  {name: 'tmp', mountPath: mysqlFiles.temporary},
];

function fieldVariable(name: string, fieldPath: string): NonNullable<Container['env']>[number] {
  return {name, valueFrom: {fieldRef: {apiVersion: 'v1', fieldPath}}};
}

function volumes(name: string): Volume[] {
  const names = childNames(name);
  return [
    {name: 'configuration', configMap: {name: names.databaseConfig}},
    {name: 'tls', secret: {secretName: names.databaseTls, defaultMode: SECRET_MODE}},
    {
      name: 'passwords',
      projected: {
        defaultMode: SECRET_MODE,
        sources: databaseRoles.map((role) => ({
          secret: {name: names.databaseRole[role], items: [{key: secretKeys.password, path: role}]},
        })),
      },
    },
    // Not there before the first start.
    {name: 'state', secret: {secretName: names.databaseState, defaultMode: SECRET_MODE, optional: true}},
    {name: 'accounts', emptyDir: {medium: 'Memory', sizeLimit: '1Mi'}},
    {name: 'run', emptyDir: {}},
    {name: 'tmp', emptyDir: {}},
  ];
}
