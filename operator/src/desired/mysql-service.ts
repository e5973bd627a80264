import type {Service, ServiceAccount} from 'kubernetes-types/core/v1.js';
import {managedDatabase} from '../api/v1alpha1/index.ts';
import {childMetadata, databaseSelector} from './metadata.ts';
import {childNames, ports} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';

/** The Service that the API's pods use. */
export function mysqlService({api}: DesiredInput): KubeObject | undefined {
  if (managedDatabase(api.spec) === undefined) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(api, childNames(api.metadata.name).database, 'database'),
    spec: {
      type: 'ClusterIP',
      selector: databaseSelector(api.metadata.name),
      ports: [{name: 'mysql', port: ports.mysql, protocol: 'TCP', targetPort: 'mysql'}],
    },
  } satisfies Service;
}

/** Gives each database pod a name of its own, also while it isn't ready: that is when the operator must reach it. */
export function mysqlPodsService({api}: DesiredInput): KubeObject | undefined {
  if (managedDatabase(api.spec) === undefined) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(api, childNames(api.metadata.name).databasePods, 'database'),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: databaseSelector(api.metadata.name),
      ports: [
        {name: 'mysql', port: ports.mysql, protocol: 'TCP', targetPort: 'mysql'},
        {name: 'mysql-admin', port: ports.mysqlAdmin, protocol: 'TCP', targetPort: 'mysql-admin'},
      ],
    },
  } satisfies Service;
}

/**
 * The ServiceAccount of the database and of backups; their pods get no token. It is there for the pull secrets: those of a ServiceAccount can
 * change without a restart of the database.
 */
export function mysqlServiceAccount({api}: DesiredInput): KubeObject | undefined {
  const {backup, imagePullSecrets} = api.spec;
  if (managedDatabase(api.spec) === undefined && backup === undefined) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: childMetadata(api, childNames(api.metadata.name).database, 'database'),
    automountServiceAccountToken: false,
    ...(imagePullSecrets?.length && {imagePullSecrets: imagePullSecrets.map(({name}) => ({name}))}),
  } satisfies ServiceAccount;
}
