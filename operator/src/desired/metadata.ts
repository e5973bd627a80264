import {API_VERSION, childLabels, labels, type Component, type MaintenanceApi} from '../api/v1alpha1/index.ts';

/** Labels, owner and place of a child that goes when its MaintenanceApi goes. */
export interface ChildMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly ownerReferences: OwnerReference[];
}

/** Says that the object goes with its MaintenanceApi. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: true;
  readonly blockOwnerDeletion: true;
}

/** Labels and place of an object that outlives its MaintenanceApi, unless that is deleted under the policy Delete. */
export interface RetainedMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly ownerReferences?: OwnerReference[];
}

/** What keeps Argo CD from deleting an object that is no longer in Git. */
export const KEEP_ANNOTATIONS: Readonly<Record<string, string>> = {'argocd.argoproj.io/sync-options': 'Prune=false'};

/** Metadata of a child: owned, with the full set of labels. */
export function childMetadata(api: MaintenanceApi, name: string, component: Component): ChildMetadata {
  return {
    name,
    namespace: api.metadata.namespace,
    labels: childLabels(api.metadata.name, component),
    ownerReferences: [ownerReference(api)],
  };
}

function ownerReference({metadata: {name, uid}}: MaintenanceApi): OwnerReference {
  return {apiVersion: API_VERSION, kind: 'MaintenanceApi', name, uid, controller: true, blockOwnerDeletion: true};
}

/**
 * Who owns what is kept under the policy Retain. Under Delete the garbage collector takes it with the MaintenanceApi, also
 * where the operator is gone by then: no finalizer that could keep a deletion waiting.
 */
export function retainedOwners(api: MaintenanceApi): OwnerReference[] {
  switch (api.spec.deletionPolicy) {
    case 'Retain':
      return [];
    case 'Delete':
      return [ownerReference(api)];
  }
}

/** Metadata of what Prometheus reads: a child of the API's, with the labels by which a Prometheus selects it. */
export function monitoringMetadata(api: MaintenanceApi, name: string): ChildMetadata {
  const metadata = childMetadata(api, name, 'api');
  return {...metadata, labels: {...api.spec.monitoring.labels, ...metadata.labels}};
}

/**
 * Metadata of an object that is kept when its MaintenanceApi is deleted: volumes, and what is needed to read them. No
 * owner but under the policy Delete, and no `app.kubernetes.io/instance`: Argo CD prunes label-matched objects without owners.
 */
export function retainedMetadata(api: MaintenanceApi, name: string, component: Component): RetainedMetadata {
  const owners = retainedOwners(api);
  return {
    name,
    namespace: api.metadata.namespace,
    labels: retainedLabels(api.metadata.name, component),
    annotations: {...KEEP_ANNOTATIONS},
    ...(owners.length === 0 ? {} : {ownerReferences: owners}),
  };
}

/** The labels of a retained object of the MaintenanceApi called `owner`. */
export function retainedLabels(owner: string, component: Component): Record<string, string> {
  return Object.fromEntries(
    Object.entries(childLabels(owner, component)).filter(([label]) => label !== labels.instance),
  );
}

/**
 * Selector of the database's pods. It goes by owner instead of instance, because the StatefulSet controller copies its
 * selector to the labels of the volumes that it claims, which must carry no `app.kubernetes.io/instance`.
 */
export function databaseSelector(owner: string): Record<string, string> {
  return {[labels.name]: 'maintenance-api', [labels.component]: 'database', [labels.owner]: owner};
}
