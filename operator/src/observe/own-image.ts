import {resources} from '../api/v1alpha1/index.ts';
import type {KubeClient, KubeObject} from '../runtime/index.ts';

interface Pod extends KubeObject {
  spec?: {containers?: {name: string; image?: string}[]};
}

/** The operator's container in config/manager. */
const CONTAINER = 'manager';

/**
 * The image that this process runs from, by its pod. A variable of the Deployment would have to be changed with the image.
 *
 * @param own - namespace and name of the pod; no name outside of a cluster
 * @returns undefined outside of a cluster
 * @throws ApiError
 */
export async function ownImage(
  client: Pick<KubeClient, 'get'>,
  own: {readonly namespace: string; readonly podName: string | undefined},
): Promise<string | undefined> {
  const {namespace, podName} = own;
  if (podName === undefined) return undefined;
  const pod = await client.get<Pod>(resources.pod, namespace, podName);
  return pod?.spec?.containers?.find(({name}) => name === CONTAINER)?.image;
}
