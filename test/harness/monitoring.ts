import {parse} from 'yaml';
import {silentProgress} from '../../hack/lib/progress.ts';
import {monitoringDefinitions} from '../../hack/prometheus/definitions.ts';
import {definitionResource, optionalResources} from '../../operator/src/api/v1alpha1/index.ts';
import type {KubeClient, KubeObject, ResourceRef} from '../../operator/src/runtime/index.ts';
import {waitFor} from './wait.ts';

/** Gives the cluster the kinds PrometheusRule and PodMonitor, and waits until they are served. */
export async function installDefinitions(client: KubeClient): Promise<void> {
  for (const text of await monitoringDefinitions(silentProgress)) {
    await client.create(definitionResource, undefined, parse(text) as KubeObject);
  }
  for (const ref of optionalResources) {
    await waitFor(`${ref.kind} is served`, async () => (await client.list(ref)).resourceVersion, 30_000);
  }
}

/** Deletes what has this name, whoever made it. */
export async function deleteObject(
  client: KubeClient,
  ref: ResourceRef,
  {namespace, name}: {readonly namespace?: string; readonly name: string},
): Promise<void> {
  const live = await client.get(ref, namespace, name);
  if (live?.metadata.uid === undefined) throw new Error(`There is no ${ref.kind} ${name}`);
  await client.delete(ref, namespace, name, {uid: live.metadata.uid});
}

/** Takes the kinds away again, and with them their objects. */
export async function removeDefinitions(client: KubeClient): Promise<void> {
  for (const {plural} of optionalResources) {
    await deleteObject(client, definitionResource, {name: `${plural}.monitoring.coreos.com`});
  }
}
