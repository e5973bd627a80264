import {copyFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {buildImage} from '../../hack/images/build.ts';
import {nodeBaseImage, type Image} from '../../hack/images/index.ts';
import {temporaryFolder} from '../../hack/images/temporary.ts';
import {silentProgress, type Progress} from '../../hack/lib/progress.ts';
import {versitygw} from '../../hack/versitygw/versitygw.ts';
import {freePort, spawnServer, type ServerProcess} from './mysqld-process.ts';
import {Buckets, ROOT_USER} from './s3.ts';
import {waitFor} from './wait.ts';
import type {World} from './world.ts';

const NAME = 'storage';
const ROOT_SECRET = 'storage-root';
const PORT = 7070;

/** An S3 server in the cluster, and a way to it from this machine. */
export interface ClusterStorage {
  /** As pods reach it. */
  readonly endpoint: string;
  readonly credentials: typeof ROOT_USER;
  readonly buckets: Buckets;
  close(): Promise<void>;
}

/**
 * Starts versitygw in a namespace, where it goes with it. Its image isn't among those of every run: it takes a Go build,
 * minutes once on a machine.
 */
export async function startClusterStorage(world: World, namespace: string): Promise<ClusterStorage> {
  const image = await storageImage(silentProgress);
  await world.cluster.loadImage(image.archive, image.ref);
  await world.apply(...manifests(namespace, image.ref));
  await world.kubectl(['wait', '-n', namespace, `pod/${NAME}`, '--for=condition=Ready', '--timeout=120s']);
  return joinClusterStorage(world, namespace);
}

/** Opens another way to a storage that {@link startClusterStorage} started. */
export async function joinClusterStorage(world: World, namespace: string): Promise<ClusterStorage> {
  const port = await freePort();
  const {kubectlPath, kubeconfigPath} = world.cluster;
  const forward = spawnServer([
    ...([kubectlPath, '--kubeconfig', kubeconfigPath, 'port-forward', '-n', namespace] as const),
    ...[`pod/${NAME}`, `${String(port)}:${String(PORT)}`],
  ]);
  const outside = `http://127.0.0.1:${String(port)}`;
  try {
    await waitFor('the storage answers', () => answers(outside, forward), 60_000);
  } catch (error) {
    await forward.end('SIGKILL');
    throw error;
  }
  const buckets = new Buckets(outside);
  return {
    endpoint: `http://${NAME}.${namespace}.svc:${String(PORT)}`,
    credentials: ROOT_USER,
    buckets,
    close: async () => {
      buckets.close();
      await forward.end('SIGKILL');
    },
  };
}

async function answers(endpoint: string, forward: ServerProcess): Promise<true | undefined> {
  if (forward.hasExited()) throw new Error('kubectl port-forward ended');
  const response = await fetch(endpoint);
  await response.arrayBuffer();
  return response.status === 403 ? true : undefined;
}

/** The image of the storage. The first call on a machine builds it, which takes minutes. */
export async function storageImage(progress: Progress): Promise<Image> {
  const context = await temporaryFolder('storage');
  try {
    await copyFile(await versitygw(progress), join(context, 'versitygw'));
    const base = await nodeBaseImage(progress);
    const dockerfile = join(import.meta.dirname, '../storage/Dockerfile');
    return await buildImage({name: NAME, dockerfile, context, base, baseArgument: 'BASE_IMAGE'}, progress);
  } finally {
    await rm(context, {recursive: true, force: true});
  }
}

function manifests(namespace: string, image: string): object[] {
  const labels = {app: NAME};
  const folders = ['/data/objects', '/data/metadata', '/data/accounts'];
  const pod = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: 'RuntimeDefault'}},
    containers: [
      {
        name: NAME,
        image,
        command: ['sh', '-c'],
        args: [
          [
            ...['mkdir', '-p', ...folders, '&&', 'exec', 'versitygw', '--quiet', '--port', `:${String(PORT)}`],
            ...['--iam-dir', '/data/accounts', 'posix', '--sidecar', '/data/metadata', '/data/objects'],
          ].join(' '),
        ],
        envFrom: [{secretRef: {name: ROOT_SECRET}}],
        ports: [{containerPort: PORT}],
        readinessProbe: {tcpSocket: {port: PORT}, periodSeconds: 1},
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: {drop: ['ALL']},
          readOnlyRootFilesystem: true,
        },
        volumeMounts: [{name: 'data', mountPath: '/data'}],
      },
    ],
    volumes: [{name: 'data', emptyDir: {sizeLimit: '256Mi'}}],
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {name: ROOT_SECRET, namespace},
      stringData: {ROOT_ACCESS_KEY_ID: ROOT_USER.accessKeyId, ROOT_SECRET_ACCESS_KEY: ROOT_USER.secretAccessKey},
    },
    {apiVersion: 'v1', kind: 'Pod', metadata: {name: NAME, namespace, labels}, spec: pod},
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {name: NAME, namespace},
      spec: {selector: labels, ports: [{port: PORT, targetPort: PORT}]},
    },
  ];
}
