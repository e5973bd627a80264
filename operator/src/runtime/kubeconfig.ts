import {access, readFile} from 'node:fs/promises';
import type {KubeConfig} from '@kubernetes/client-node/dist/config.js';
import type {KubeConfigLike} from './credentials.ts';

/** Where to look, for tests; the process' own unless told. */
export interface KubeConfigSource {
  env?: Readonly<Record<string, string | undefined>>;
  /** Folder of the mounted service account. */
  serviceAccountFolder?: string;
  /** Of a kubeconfig file; its current one unless told. */
  context?: string;
}

const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The kubeconfig that kubectl would use, or that of the pod: a service account when there is one and KUBECONFIG isn't
 * set. client-node is loaded only when a file is to be read: in a pod, where memory is scarce, its 16 MiB are saved.
 * @throws Error when a named context isn't there
 */
export async function loadKubeConfig(source: KubeConfigSource = {}): Promise<KubeConfigLike> {
  const {env = process.env, serviceAccountFolder = SERVICE_ACCOUNT_FOLDER, context} = source;
  if (env.KUBECONFIG === undefined && context === undefined) {
    const inCluster = await inClusterConfig(env, serviceAccountFolder);
    if (inCluster !== undefined) {
      return inCluster;
    }
  }
  return readKubeConfig(context);
}

/**
 * The kubeconfig that kubectl would use.
 * @param context its current one unless told
 * @throws Error when the context isn't there
 */
export async function readKubeConfig(context?: string): Promise<KubeConfig> {
  const client = await import('@kubernetes/client-node/dist/config.js');
  const config = new client.KubeConfig();
  config.loadFromDefault();
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      throw new Error(`The kubeconfig has no context ${context}`);
    }
    config.setCurrentContext(context);
  }
  return config;
}

/** The configuration of a pod with a service account; undefined elsewhere. */
async function inClusterConfig(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): Promise<KubeConfigLike | undefined> {
  const {KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port} = env;
  const tokenFile = `${folder}/token`;
  const caFile = `${folder}/ca.crt`;
  if (host === undefined || port === undefined || !(await exists(tokenFile))) {
    return undefined;
  }
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    getCurrentCluster: () => ({server}),
    getCurrentUser: () => ({authProvider: {config: {tokenFile}}}),
    applyToHTTPSOptions: async (options) => {
      Object.assign(options, {ca: await readFile(caFile)});
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Not there, or not for us: then this isn't a pod with a service account of ours.
    return false;
  }
}
