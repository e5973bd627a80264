import type {ControllerRevision} from 'kubernetes-types/apps/v1.js';
import type {MaintenanceApi, MaintenanceApiSpec, RevisionData} from '../api/v1alpha1/index.ts';
import {canonicalHash, canonicalResources, unlessEmpty} from './canonical.ts';
import {childMetadata} from './metadata.ts';
import {revisionName} from './names.ts';
import type {KubeObject} from './objects.ts';
import {RENDER_VERSION} from './render-version.ts';

type Variables = NonNullable<MaintenanceApiSpec['env']>;

/** Hexadecimal digits of a revision's hash: 48 bits tell the few dozen revisions of a history apart. */
const HASH_LENGTH = 12;

/**
 * The part of a MaintenanceApi that changes the API's pods (REVISION_FIELDS), in one form: two specs that mean the same
 * pods ("0.1" and "100m", an empty list and none) give the same data. Doesn't change its arguments.
 *
 * @param referenceHashes - hash of each Secret and ConfigMap that env refers to, by `Kind/name`; never a value
 */
export function revisionData(api: MaintenanceApi, referenceHashes: Readonly<Record<string, string>>): RevisionData {
  const {spec} = api;
  const imagePullSecrets = unlessEmpty(spec.imagePullSecrets);
  const env = unlessEmpty(spec.env);
  const podTemplate = unlessEmpty(spec.podTemplate && withoutEmpty(spec.podTemplate));
  return {
    renderVersion: RENDER_VERSION,
    spec: {
      image: spec.image,
      resources: canonicalResources(spec.resources),
      ...(imagePullSecrets && {imagePullSecrets: imagePullSecrets.map(({name}) => ({name}))}),
      ...(env && {env: env.map(canonicalVariable)}),
      ...(podTemplate && {podTemplate}),
    },
    database: databaseData(spec.database),
    references: {...referenceHashes},
  };
}

function databaseData({
  name,
  connectionsPerReplica,
  external,
}: MaintenanceApiSpec['database']): RevisionData['database'] {
  if (external === undefined) return {name, connectionsPerReplica};
  const {host, port, credentialsSecretRef: app, migrateCredentialsSecretRef: migrate, tlsSecretRef} = external;
  const secrets = {app: app.name, migrate: (migrate ?? app).name, authority: tlsSecretRef.name};
  return {name, connectionsPerReplica, external: {host, port, ...secrets}};
}

/**
 * The name of a revision: a hash of all of its data but `renderVersion`, so that an upgrade of the operator never makes
 * a new revision. It fits a label.
 */
export function revisionHash(data: RevisionData): string {
  const {spec, database, references} = data;
  return canonicalHash({spec, database, references}).slice(0, HASH_LENGTH);
}

/**
 * The object that keeps a revision. What is learnt of it later goes to its annotations, by patch: its data can't change.
 * Its number is one more than the greatest in the history, and always given: applying a ControllerRevision without it
 * resets it to 0.
 */
export function controllerRevision(
  api: MaintenanceApi,
  {hash, data, revision}: {readonly hash: string; readonly data: RevisionData; readonly revision: number},
): KubeObject & {readonly revision: number; readonly data: RevisionData} {
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: childMetadata(api, revisionName(api.metadata.name, hash), 'api'),
    revision,
    data,
  } satisfies ControllerRevision;
}

/** What tells by which image a revision is served again. */
export interface ServedImage {
  /** The image that the spec named. */
  readonly image: string;
  /** The imageID of its pods when it became good. */
  readonly imageId: string | undefined;
  /** Images in the pod templates that carry the revision now: of the Deployment first, then of ReplicaSets with Ready pods. */
  readonly carried: readonly (string | undefined)[];
  /** Whether the operator, not the spec, asks for it. */
  readonly rollback: boolean;
}

/**
 * The image to serve a revision by. A template that is there is kept byte for byte, so that no other ReplicaSet appears.
 * Without any, a rollback asks for what had become good by its digest: the tag may name something else by now
 * (invariant 8). A digest that came from another repository, or from none, couldn't be pulled from this one.
 */
export function servedImage({image, imageId, carried, rollback}: ServedImage): string {
  const repository = repositoryOf(image);
  const same = (other: string | undefined): boolean =>
    other === image || (other?.startsWith(`${repository}@sha256:`) === true && other === imageId);
  const kept = carried.find(same);
  if (kept !== undefined) return kept;
  return rollback && imageId !== undefined && same(imageId) && !image.includes('@') ? imageId : image;
}

/** An image without tag and digest; a colon before a slash is a port's. */
function repositoryOf(image: string): string {
  const [name = image] = image.split('@');
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

function canonicalVariable({name, value, valueFrom}: Variables[number]): Variables[number] {
  const {secretKeyRef, configMapKeyRef} = valueFrom ?? {};
  if (secretKeyRef) return {name, valueFrom: {secretKeyRef: {name: secretKeyRef.name, key: secretKeyRef.key}}};
  if (configMapKeyRef)
    return {name, valueFrom: {configMapKeyRef: {name: configMapKeyRef.name, key: configMapKeyRef.key}}};
  return {name, ...(value && {value})};
}

/** Maps of people's own keys: kept word for word, an empty value is a value. */
const OPAQUE = new Set(['labels', 'annotations', 'serviceAccountAnnotations', 'nodeSelector', 'matchLabels']);

/** Members that mean something when they are empty: selectors of every object, and structures that are always stored. */
const KEPT_EMPTY = new Set([
  'labelSelector',
  'namespaceSelector',
  'nodeAffinity',
  'podAffinity',
  'podAntiAffinity',
  'preference',
  'podAffinityTerm',
  'requiredDuringSchedulingIgnoredDuringExecution',
]);

/** A copy without what the API server doesn't store: nulls, empty strings, and empty lists, maps and groups. */
function withoutEmpty<T extends object>(value: T): T {
  const clean = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(clean);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(
      Object.entries(part)
        .map(([key, member]): [string, unknown] => [key, OPAQUE.has(key) ? member : clean(member)])
        .filter(([key, member]) => !isEmpty(key, member)),
    );
  };
  return clean(value) as T;
}

function isEmpty(key: string, member: unknown): boolean {
  if (member === null || member === undefined || member === '') return true;
  if (Array.isArray(member)) return member.length === 0;
  return typeof member === 'object' && Object.keys(member).length === 0 && !KEPT_EMPTY.has(key);
}
