import {KubeConfig} from '@kubernetes/client-node';
import {controlPlane, type ControlPlane, type ControlPlaneOptions} from '../../../hack/cluster/index.ts';
import {silentProgress} from '../../../hack/lib/progress.ts';
import {
  KubeClient,
  type Metrics,
  systemClock,
  type KubeClientOptions,
  type ResourceRef,
} from '../../../operator/src/runtime/index.ts';
import {FaultProxy} from '../../harness/fault-proxy.ts';

/** A cold Go cache makes the first control plane of a machine slow. */
export const START_TIMEOUT_MS = 900_000;

export const configMaps: ResourceRef = {apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true};
export const namespaces: ResourceRef = {apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false};
export const secrets: ResourceRef = {apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true};

/** A real API server, with a proxy that can fail in front of it. */
export class RealApi {
  readonly controlPlane: ControlPlane;
  readonly proxy: FaultProxy;
  /** Not through the proxy: what tests do and look at themselves. */
  readonly admin: KubeClient;
  readonly #clients: KubeClient[] = [];
  #namespaces = 0;

  private constructor(plane: ControlPlane, proxy: FaultProxy) {
    this.controlPlane = plane;
    this.proxy = proxy;
    const config = new KubeConfig();
    config.loadFromFile(plane.kubeconfigPath);
    this.admin = this.keep(KubeClient.fromKubeConfig(config, {timeoutMs: 20_000}));
  }

  static async start(options: ControlPlaneOptions = {}): Promise<RealApi> {
    const plane = await controlPlane({progress: silentProgress, ...options});
    return new RealApi(plane, await FaultProxy.start(plane));
  }

  /** Of client-node, for the proxy, which adds the credentials. */
  proxiedConfig(): KubeConfig {
    const config = new KubeConfig();
    const caData = Buffer.from(this.proxy.caData).toString('base64');
    const cluster = {name: 'proxied', server: this.proxy.server, caData, skipTLSVerify: false};
    config.loadFromClusterAndUser(cluster, {name: 'nobody'});
    return config;
  }

  /** Through the proxy. */
  client(options: KubeClientOptions = {}): KubeClient {
    return this.keep(KubeClient.fromKubeConfig(this.proxiedConfig(), options));
  }

  /** Closed with everything else. */
  keep(client: KubeClient): KubeClient {
    this.#clients.push(client);
    return client;
  }

  /** A new namespace for one test. */
  async namespace(): Promise<string> {
    const name = `test-${++this.#namespaces}`;
    await this.admin.create(namespaces, undefined, {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
    return name;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.proxy.close();
    await this.controlPlane.stop();
  }
}

/** A ConfigMap with one entry. */
export function aConfigMap(namespace: string, name: string, value = '1', labels: Record<string, string> = {}) {
  return {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name, namespace, labels}, data: {value}};
}

/** Waits until a probe gives something true, and gives that. */
export async function until<T>(what: string, probe: () => T | Promise<T>, timeoutMs = 20_000): Promise<NonNullable<T>> {
  const deadline = systemClock.monotonic() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) {
      return value;
    }
    if (systemClock.monotonic() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The value of a sample in the text format; 0 when there is none. */
export async function sample(metrics: Metrics, name: string, labels: Record<string, string> = {}): Promise<number> {
  const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return lines
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
