/**
 * Wire-shaped Kubernetes types: raw JSON as the API server sends it, never deserialised.
 * client-node's model classes are avoided on purpose: their serialiser drops fields that it doesn't know.
 */

/** Set of field paths in the FieldsV1 encoding: keys `f:name`, `k:{…}`, `v:…`, `i:n` or `.`; `{}` is a leaf. */
export interface FieldsV1 {
  readonly [path: string]: FieldsV1;
}

/** One entry of `metadata.managedFields`: what one manager owns through one operation. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: FieldsV1;
  subresource?: string;
}

/** Reference from a dependent to its owner, as in `metadata.ownerReferences`. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The part of ObjectMeta that controllers read or write. Times are RFC 3339 strings. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  deletionTimestamp?: string;
  creationTimestamp?: string;
  managedFields?: ManagedFieldsEntry[];
}

/** Any object, raw JSON. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/**
 * The least that an object to be written must have. Without KubeObject's index signature, so that objects typed by
 * interfaces (kubernetes-types) can be passed as they are.
 */
export interface WritableObject {
  apiVersion: string;
  kind: string;
  metadata: {name: string; namespace?: string};
}

/** Which resource: enough to build its path. */
export interface ResourceRef {
  /** `v1`, `apps/v1`, … */
  apiVersion: string;
  kind: string;
  /** Lower-case plural as in the path. */
  plural: string;
  namespaced: boolean;
}

/** Reference to an object, as in events. */
export interface ObjectReference {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
}

/** Key of an object in stores and queues: `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(metadata: {name: string; namespace?: string}): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

/** Inverse of {@link keyOf}. */
export function splitKey(key: string): {namespace?: string; name: string} {
  const slash = key.indexOf('/');
  return slash < 0 ? {name: key} : {namespace: key.slice(0, slash), name: key.slice(slash + 1)};
}

/** The owner reference with `controller: true`, if any. */
export function controllerOf(object: {metadata: ObjectMeta}): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/**
 * Whether a resourceVersion is at least as new as another of the same resource. Comparing them as integers is sanctioned
 * since Kubernetes 1.35 (KEP-5504), and was true of etcd revisions before.
 */
export function atLeastVersion(actual: string, wanted: string): boolean {
  return BigInt(actual) >= BigInt(wanted);
}
