import type {OwnedSecrets} from '../act/owned-secrets.ts';
import {labels} from '../api/v1alpha1/index.ts';
import type {Cache} from '../observe/cache.ts';
import {projectBackup, projectJob} from '../observe/backup-projections.ts';
import {
  projectAutoscaler,
  projectClaim,
  projectControllerRevision,
  projectCronJob,
  projectDeployment,
  projectPod,
  projectRendered,
} from '../observe/projections.ts';
import {controllerOf, type Cached, type KubeObject} from '../runtime/index.ts';

const projections = {
  pods: projectPod,
  claims: projectClaim,
  deployments: projectDeployment,
  autoscalers: projectAutoscaler,
  statefulSets: projectRendered,
  cronJobs: projectCronJob,
  jobs: projectJob,
  backups: projectBackup,
  replicaSets: (object: KubeObject) => ({owner: object.metadata.labels?.[labels.owner]}),
  revisions: (object: KubeObject) => {
    const projection = projectControllerRevision(object);
    return {owner: projection?.owner, projection};
  },
} as const;

/** Objects as the API server has them, by the cache's kind. */
export type Content = Partial<Record<keyof typeof projections, readonly KubeObject[]>>;

const account = (user: string) => ({user, password: `${user}-password`});

/** What the operator knows of the Secrets of a resource whose database it runs. */
export const SECRETS: OwnedSecrets = {
  server: {
    accounts: {
      app: account('app'),
      migrate: account('migrate'),
      backup: account('backup'),
      monitor: account('monitor'),
      admin: account('admin'),
    },
    ...{authorityCertificate: 'ca', serverCertificate: 'tls', serverUuids: {}},
  },
  hashKey: 'admin-password',
  version: '1',
};

/** An object of namespace `apis` that belongs to `shop`. */
export function anObject(name: string, rest: object = {}, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Any',
    metadata: {
      ...{name, namespace: 'apis', uid: `uid-of-${name}`, resourceVersion: '1'},
      ...{creationTimestamp: '2026-03-01T00:00:00Z', labels: {[labels.owner]: 'shop'}},
      ...metadata,
    },
    ...rest,
  };
}

/** A cache with these objects, projected as the real one does. Change `content` to change what it holds. */
export function aCache(content: Content): Cache {
  const kind = (name: keyof typeof projections): object => {
    const all = (): Cached<unknown>[] =>
      (content[name] ?? []).map((object) => ({
        key: `apis/${object.metadata.name}`,
        namespace: 'apis',
        name: object.metadata.name,
        uid: object.metadata.uid ?? '',
        resourceVersion: object.metadata.resourceVersion ?? '',
        owner: controllerOf(object),
        value: projections[name](object),
      }));
    return {
      get: (key: string) => all().find((item) => item.key === key),
      ownedBy: (key: string) => all().filter(({value}) => `apis/${String((value as {owner?: string}).owner)}` === key),
    };
  };
  const kinds = Object.keys(projections).map((name) => [name, kind(name as keyof typeof projections)]);
  return {
    ...(Object.fromEntries(kinds) as object),
    fresh: () => true,
    presence: () => ({PrometheusRule: 'Absent', PodMonitor: 'Absent', HTTPRoute: 'Absent'}),
    noteWrite: () => undefined,
  } as unknown as Cache;
}
