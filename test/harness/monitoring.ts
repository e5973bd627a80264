import {parse} from 'yaml';
import {silentProgress} from '../../hack/lib/progress.ts';
import {gatewayDefinitions} from '../../hack/gateway/definitions.ts';
import {monitoringDefinitions} from '../../hack/prometheus/definitions.ts';
import {definitionResource, monitoringResources, resources} from '../../operator/src/api/v1alpha1/index.ts';
import type {KubeClient, KubeObject, ResourceRef} from '../../operator/src/runtime/index.ts';
import {waitFor} from './wait.ts';

/** Gives the cluster the kinds PrometheusRule and PodMonitor, and waits until they are served. */
export async function installDefinitions(client: KubeClient): Promise<void> {
  await install(client, await monitoringDefinitions(silentProgress), monitoringResources);
}

/** Gives the cluster the kind HTTPRoute, and waits until it is served. */
export async function installGatewayDefinitions(client: KubeClient): Promise<void> {
  await install(client, await gatewayDefinitions(silentProgress), [resources.httpRoute]);
}

async function install(client: KubeClient, texts: readonly string[], refs: readonly ResourceRef[]): Promise<void> {
  for (const text of texts) await client.create(definitionResource, undefined, parse(text) as KubeObject);
  for (const ref of refs) {
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
  for (const {plural} of monitoringResources) {
    await deleteObject(client, definitionResource, {name: `${plural}.monitoring.coreos.com`});
  }
}
