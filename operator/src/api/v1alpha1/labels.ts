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
  revision: `${GROUP}/revision`,
  owner: `${GROUP}/owner`,
  run: `${GROUP}/run`,
} as const;

/** What each of {@link labels} says; docs are generated from it. */
export const labelMeanings: Readonly<Record<keyof typeof labels, string>> = {
  name: 'Always `maintenance-api`.',
  instance: 'Name of the MaintenanceApi. Retained objects do not have it, so that no tool prunes them by label.',
  component: '`api`, `database` or `backup`.',
  partOf: 'Always `maintenance-api`.',
  managedBy: 'Always `maintenance-api-operator`.',
  revision: "On the API's pods: the revision (hash) that they were rendered from.",
  run: 'On a MaintenanceApiBackup that the operator made: the Job whose result it has.',
  owner: 'On every child, retained ones included: the name of the MaintenanceApi that it belongs to.',
};

export const MANAGED_BY = 'maintenance-api-operator';

/** Facts about a revision, kept on its ControllerRevision (its `data` can't change). Times are RFC 3339. */
export const revisionAnnotations = {
  good: `${GROUP}/good`,
  evidence: `${GROUP}/evidence`,
  suspended: `${GROUP}/suspended`,
  rejected: `${GROUP}/rejected`,
  breached: `${GROUP}/breached`,
  schemaVersion: `${GROUP}/schema-version`,
  imageId: `${GROUP}/image-id`,
  restarted: `${GROUP}/restarted`,
  renderVersion: `${GROUP}/render-version`,
} as const;

/** What each of {@link revisionAnnotations} says; docs are generated from it. */
export const revisionAnnotationMeanings: Readonly<Record<keyof typeof revisionAnnotations, string>> = {
  good: 'When it became good: it baked inside its objectives.',
  evidence: '`traffic` or `probes`: what the bake was judged by.',
  suspended: 'When it was rolled back from.',
  rejected: 'When the rollback from it was seen to help.',
  breached: 'Since when it was breached; a breached revision never becomes good by itself.',
  schemaVersion: 'The newest migration that was applied when it became good.',
  imageId: 'The imageID of its pods when it became good.',
  restarted:
    'The value of the `restart` annotation for which its pods were last restarted; its pod template has it too.',
  renderVersion:
    "The generation of the operator's templates that its pods were moved to since it was made; without it that of its data.",
};

/** What the operator notes on a Deployment or StatefulSet, beside its pod template. */
export const templateAnnotations = {
  renderVersion: `${GROUP}/render-version`,
  templateHash: `${GROUP}/template-hash`,
} as const;

/** What each of {@link templateAnnotations} says; docs are generated from it. */
export const templateAnnotationMeanings: Readonly<Record<keyof typeof templateAnnotations, string>> = {
  renderVersion: "The generation of the operator's templates that its pods were rendered by.",
  templateHash: "On the database's StatefulSet: the pod template as the operator rendered it.",
};

/** Annotations that a person sets on a MaintenanceApi; each is answered in status and by an event. */
export const requestAnnotations = {
  retry: `${GROUP}/retry`,
  restart: `${GROUP}/restart`,
  pauseRemediation: `${GROUP}/pause-remediation`,
  backupNow: `${GROUP}/backup-now`,
  keySaved: `${GROUP}/key-saved`,
  upgrade: `${GROUP}/upgrade`,
} as const;

/** What each of {@link requestAnnotations} asks for; docs are generated from it. */
export const requestAnnotationMeanings: Readonly<Record<keyof typeof requestAnnotations, string>> = {
  retry: 'Lifts the suspension or rejection of the revision with this hash. It is taken away once answered.',
  restart:
    'Replaces every pod of the serving revision, by a rolling update, once for each value (its first 63 characters count). It may stay; `status.restart` has the value that was answered.',
  pauseRemediation:
    'As long as it is there nothing is rolled back or restarted; measuring, explaining and releases go on. Its value may say why; `status.remediation.paused` has it.',
  backupNow:
    'Makes a backup, once for each value (its first 63 characters count). It may stay; `status.backup.request` has the value that was answered.',
  keySaved:
    'Says that a copy of the encryption key with this id, which the operator generated, is kept outside of the cluster. It must stay; `status.backup.keySaved` has the id.',
  upgrade:
    'As long as it is there, pods that an older operator rendered are replaced without waiting for a maintenance window. `status.upgrade`, which lists them, goes when they are.',
};

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

export type Component = 'api' | 'database' | 'backup';
