import type {KubeClient, KubeObject, ResourceRef} from '../../operator/src/runtime/index.ts';

interface ResourceList {
  resources: {name: string; kind: string; namespaced: boolean; verbs: string[]}[];
}

/** Every kind that the API server can list, by its own discovery. */
async function listableKinds(client: KubeClient): Promise<ResourceRef[]> {
  const {groups} = await client.request<{groups: {preferredVersion: {groupVersion: string}}[]}>({
    method: 'GET',
    path: '/apis',
  });
  const versions = ['v1', ...groups.map(({preferredVersion}) => preferredVersion.groupVersion)];
  const kinds = await Promise.all(
    versions.map(async (apiVersion) => {
      const path = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
      const {resources} = await client.request<ResourceList>({method: 'GET', path});
      return resources
        .filter(({name, verbs}) => !name.includes('/') && verbs.includes('list'))
        .map(({name, kind, namespaced}) => ({apiVersion, kind, plural: name, namespaced}));
    }),
  );
  return kinds.flat();
}

/**
 * Every object of a cluster, or of a namespace, whatever its kind.
 *
 * @param namespace - undefined: also those without a namespace
 */
export async function everyObject(client: KubeClient, namespace?: string): Promise<KubeObject[]> {
  const kinds = (await listableKinds(client)).filter((kind) => namespace === undefined || kind.namespaced);
  const lists = await Promise.all(
    kinds.map(async (kind) => {
      const {items} = await client.list(kind, {namespace});
      // Items of a list don't carry what they are.
      return items.map((item) => ({...item, apiVersion: kind.apiVersion, kind: kind.kind}));
    }),
  );
  return lists.flat();
}
