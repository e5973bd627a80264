/** The API group of every resource of this project; the prefix of its labels and annotations. */
export const GROUP = 'maintenance-api.io';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** The one field manager that server-side apply uses for every child. */
export const FIELD_MANAGER = 'maintenance-api-operator';
/** The manager that takes over `spec.replicas` while an autoscaler is being switched on or off. */
export const REPLICAS_HANDOVER_MANAGER = 'maintenance-api-operator-replicas';

/** Labels that the operator sets; selectors use only name, instance and component, which never change. */
export const labels = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  component: 'app.kubernetes.io/component',
  partOf: 'app.kubernetes.io/part-of',
  managedBy: 'app.kubernetes.io/managed-by',
  /** On the API's pods: the revision (hash) that they were rendered from. */
  revision: `${GROUP}/revision`,
  /** On every child, retained ones included: the name of the MaintenanceApi that it belongs to. */
  owner: `${GROUP}/owner`,
} as const;

export const MANAGED_BY = 'maintenance-api-operator';

/** Facts about a revision, kept on its ControllerRevision (its `data` can't change). Times are RFC 3339. */
export const revisionAnnotations = {
  /** When it became good: it baked inside its objectives. */
  good: `${GROUP}/good`,
  /** `traffic` or `probes`: what the bake was judged by. */
  evidence: `${GROUP}/evidence`,
  /** When it was rolled back from. */
  suspended: `${GROUP}/suspended`,
  /** When the rollback from it was seen to help. */
  rejected: `${GROUP}/rejected`,
  /** Since when it was breached; a breached revision never becomes good by itself. */
  breached: `${GROUP}/breached`,
  /** The newest migration that was applied when it became good. */
  schemaVersion: `${GROUP}/schema-version`,
  /** The imageID of its pods when it became good. */
  imageId: `${GROUP}/image-id`,
} as const;

/** Annotations that a person sets on a MaintenanceApi; each is answered in status and by an event. */
export const requestAnnotations = {
  /** Lifts the suspension or rejection of the revision with this hash. */
  retry: `${GROUP}/retry`,
} as const;

/** Labels that every child of `owner` carries. */
export function childLabels(owner: string, component: Component): Record<string, string> {
  return {
    [labels.name]: 'maintenance-api',
    [labels.instance]: owner,
    [labels.component]: component,
    [labels.partOf]: 'maintenance-api',
    [labels.managedBy]: MANAGED_BY,
    [labels.owner]: owner,
  };
}

/** The part of {@link childLabels} that never changes and that selectors may use. */
export function selectorLabels(owner: string, component: Component): Record<string, string> {
  return {[labels.name]: 'maintenance-api', [labels.instance]: owner, [labels.component]: component};
}

export type Component = 'api' | 'database';
