import type {StatefulSet} from 'kubernetes-types/apps/v1.js';
import type {PersistentVolumeClaim} from 'kubernetes-types/core/v1.js';
import {managedDatabase, templateAnnotations, type ManagedDatabase} from '../api/v1alpha1/index.ts';
import {childMetadata, databaseSelector, KEEP_ANNOTATIONS, retainedLabels} from './metadata.ts';
import {CLAIM} from './mysql-pod.ts';
import {childNames} from './names.ts';
import type {DesiredInput, KubeObject} from './objects.ts';
import {canonicalQuantity} from './quantity.ts';
import {databaseTemplateHash, templatesOf} from './render-version.ts';

/**
 * The managed database: one server on a volume of its own, which it outlives by nothing. Pods are made in parallel,
 * because an ordered StatefulSet never replaces a pod that is stuck on a wrong image. What its template was rendered from
 * is beside it, so that another operator can tell whether the spec asks for another one.
 *
 * @throws UnknownRenderVersion when a newer operator rendered the database
 */
export function statefulSet({api, databaseVersion}: DesiredInput): KubeObject | undefined {
  const database = managedDatabase(api.spec);
  if (database === undefined) return undefined;
  const {name} = api.metadata;
  const names = childNames(name);
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      ...childMetadata(api, names.database, 'database'),
      annotations: {
        [templateAnnotations.renderVersion]: String(databaseVersion),
        [templateAnnotations.templateHash]: databaseTemplateHash(api, database, databaseVersion),
      },
    },
    spec: {
      replicas: 1,
      serviceName: names.databasePods,
      podManagementPolicy: 'Parallel',
      persistentVolumeClaimRetentionPolicy: {whenDeleted: 'Retain', whenScaled: 'Retain'},
      selector: {matchLabels: databaseSelector(name)},
      template: templatesOf(databaseVersion).databasePod(name, api.spec, database),
      volumeClaimTemplates: [claim(name, database)],
    },
  } satisfies StatefulSet;
}

/** The claim of the server's volume, with every default that the API server adds: it compares such lists as a whole. */
function claim(name: string, {storage: {size, className}}: ManagedDatabase): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {name: CLAIM, labels: retainedLabels(name, 'database'), annotations: {...KEEP_ANNOTATIONS}},
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: {requests: {storage: canonicalQuantity(size)}},
      volumeMode: 'Filesystem',
      ...(className !== undefined && {storageClassName: className}),
    },
    status: {phase: 'Pending'},
  };
}
