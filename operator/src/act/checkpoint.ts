import {API_VERSION, FIELD_MANAGER, labels, MANAGED_BY, resources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import type {KubeClient, KubeObject} from '../runtime/index.ts';

/** How often the counted service levels are saved: the one write that is allowed at rest (invariant 3). */
export const CHECKPOINT_INTERVAL_MS = 3_600_000;
/** After a failure it is tried again. */
export const CHECKPOINT_AGAIN_MS = 300_000;

interface CheckpointMap extends KubeObject {
  data?: Record<string, string>;
}

const nameOf = (api: MaintenanceApi): string => `${api.metadata.name}-slo`;

/**
 * Reads what was saved of the service levels, as JSON.
 *
 * @returns undefined when nothing was saved yet, or what was saved is of another incarnation of the resource
 */
export async function readCheckpoint(
  client: Pick<KubeClient, 'get'>,
  api: MaintenanceApi,
): Promise<string | undefined> {
  const saved = await client.get<CheckpointMap>(resources.configMap, api.metadata.namespace, nameOf(api));
  const owner = saved?.metadata.ownerReferences?.[0]?.uid;
  return owner === api.metadata.uid ? saved?.data?.['checkpoint.json'] : undefined;
}

/** Saves the service levels. It carries no owner label, so that no watch sees it and nothing is reconciled by it. */
export async function writeCheckpoint(
  client: Pick<KubeClient, 'patch'>,
  api: MaintenanceApi,
  checkpoint: string,
  guard: () => void,
): Promise<void> {
  const {name, namespace, uid} = api.metadata;
  await client.patch(
    resources.configMap,
    namespace,
    nameOf(api),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: nameOf(api),
        namespace,
        labels: {[labels.name]: 'maintenance-api', [labels.instance]: name, [labels.managedBy]: MANAGED_BY},
        ownerReferences: [
          {apiVersion: API_VERSION, kind: 'MaintenanceApi', name, uid, controller: true, blockOwnerDeletion: true},
        ],
      },
      data: {'checkpoint.json': checkpoint},
    },
    {type: 'apply', fieldManager: FIELD_MANAGER, force: true, beforeSend: guard},
  );
}
