import {join} from 'node:path';
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {spawn, type ChildProcess} from 'node:child_process';
import {createWriteStream} from 'node:fs';
import {KubeConfig} from '@kubernetes/client-node/dist/config.js';
import {parse} from 'yaml';
import {controlPlane, type ControlPlane} from '../../hack/cluster/index.ts';
import {programs} from '../../hack/cluster/programs.ts';
import {startBackground, stopProcess, type ProcessIdentity} from '../../hack/lib/exec.ts';
import {silentProgress} from '../../hack/lib/progress.ts';
import {
  definitionResource,
  labels,
  resources,
  type MaintenanceApi,
  type MaintenanceApiSpecInput,
} from '../../operator/src/api/v1alpha1/index.ts';
import {KubeClient, type KubeObject} from '../../operator/src/runtime/index.ts';
import {isEviction, isRoutine, OPERATOR_AGENT, readAudit, type AuditEvent} from './audit.ts';
import type {CrashPoint} from './crash-point.ts';
import {SimulatedPods, type Behaviour, type Scene} from './simulated-pods.ts';
import {waitFor} from './wait.ts';

const root = join(import.meta.dirname, '../..');
/** The operator as a process of its own. */
const OPERATOR_PROGRAM = join(import.meta.dirname, 'operator-process.ts');
const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'horizontal-pod-autoscaler-controller',
  'disruption-controller',
  'resourcequota-controller',
  'persistentvolumeclaim-protection-controller',
  'job-controller',
  'cronjob-controller',
];

export const NAMESPACE_REF = {apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false} as const;

const SERVICE_ACCOUNT_REF = {
  ...{apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true},
} as const;
const BINDING_REF = {
  ...{apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding'},
  ...{plural: 'clusterrolebindings', namespaced: false},
} as const;

/** A condition of a MaintenanceApi as `Status Reason`, for short assertions. */
export function conditionOf(api: MaintenanceApi, type: string): string {
  const found = api.status?.conditions?.find((condition) => condition.type === type);
  return found === undefined ? 'none' : `${found.status} ${found.reason}`;
}

/**
 * A real API server and real controllers, the operator as a process of its own, and pods whose kubelet is played: so that
 * releases, breaches and rollbacks take seconds, and any behaviour of an image can be had.
 */
export class Simulation {
  readonly plane: ControlPlane;
  readonly client: KubeClient;
  readonly pods: SimulatedPods;
  readonly #scenes: Map<string, Scene>;
  readonly #controllers: ProcessIdentity;
  readonly #operators = new Set<ChildProcess>();

  private constructor(parts: {
    plane: ControlPlane;
    client: KubeClient;
    pods: SimulatedPods;
    scenes: Map<string, Scene>;
    controllers: ProcessIdentity;
  }) {
    this.plane = parts.plane;
    this.client = parts.client;
    this.pods = parts.pods;
    this.#scenes = parts.scenes;
    this.#controllers = parts.controllers;
  }

  static async start(): Promise<Simulation> {
    const plane = await controlPlane({progress: silentProgress});
    const bin = await programs('node', silentProgress);
    const folder = join(plane.auditLogPath, '..');
    const controllers = await startBackground({
      command: [
        join(bin, 'kube-controller-manager'),
        `--kubeconfig=${plane.kubeconfigPath}`,
        '--leader-elect=false',
        '--secure-port=0',
        '--kube-api-qps=200',
        '--kube-api-burst=400',
        '--horizontal-pod-autoscaler-sync-period=2s',
        `--controllers=${CONTROLLERS.join(',')}`,
      ],
      logFile: join(folder, 'kube-controller-manager.log'),
      pidFile: join(folder, 'kube-controller-manager.pid'),
    });
    const config = new KubeConfig();
    config.loadFromFile(plane.kubeconfigPath);
    const client = KubeClient.fromKubeConfig(config);
    for (const ref of [resources.maintenanceApi, resources.maintenanceApiBackup]) {
      const crd = await readFile(join(root, `crds/maintenance-api.io_${ref.plural}.yaml`), 'utf8');
      await client.create(definitionResource, undefined, parse(crd) as KubeObject);
      await waitFor(`${ref.kind} is served`, async () => (await client.list(ref)).resourceVersion, 30_000);
    }
    const scenes = new Map<string, Scene>();
    const pods = new SimulatedPods(client, scenes);
    pods.start();
    return new Simulation({plane, client, pods, scenes, controllers});
  }

  /**
   * Starts another operator process.
   *
   * @param env - what differs from this process' own; undefined: not set
   * @param crashPoint - where it ends or stops
   * @param program - Node's arguments: its flags and the program; from the sources unless told
   * @returns it, to be killed by a test
   */
  startOperator(
    env: Readonly<Record<string, string | undefined>> = {},
    crashPoint?: CrashPoint,
    program: readonly string[] = [OPERATOR_PROGRAM],
  ): ChildProcess {
    const crash = crashPoint === undefined ? {} : {CRASH_POINT: JSON.stringify(crashPoint)};
    const child = spawn(process.execPath, program, {
      env: {...process.env, KUBECONFIG: this.plane.kubeconfigPath, NODE_OPTIONS: '', ...env, ...crash},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(join(this.plane.auditLogPath, '..', `operator-${String(child.pid)}.log`));
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    this.#operators.add(child);
    child.once('exit', () => this.#operators.delete(child));
    return child;
  }

  /**
   * Makes a service account that may do everything.
   *
   * @param folder - gets its token and the API server's authority, as a pod has them
   * @returns the environment of an operator that uses it
   */
  async serviceAccount(folder: string): Promise<Readonly<Record<string, string | undefined>>> {
    const [namespace, name] = ['default', 'operator'];
    const account = {apiVersion: 'v1', kind: 'ServiceAccount', metadata: {name, namespace}};
    await this.client.create(SERVICE_ACCOUNT_REF, namespace, account);
    await this.client.create(BINDING_REF, undefined, {
      ...{apiVersion: BINDING_REF.apiVersion, kind: BINDING_REF.kind, metadata: {name}},
      roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin'},
      subjects: [{kind: 'ServiceAccount', name, namespace}],
    });
    const {status} = await this.client.request<{status: {token: string}}>({
      ...{method: 'POST', path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`},
      body: {apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {expirationSeconds: 24 * 3600}},
    });
    await mkdir(folder, {recursive: true});
    await writeFile(join(folder, 'token'), status.token, {mode: 0o600});
    await writeFile(join(folder, 'ca.crt'), this.plane.caData);
    const {hostname, port} = new URL(this.plane.server);
    const host = {KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port};
    return {...host, SERVICE_ACCOUNT_FOLDER: folder, KUBECONFIG: undefined};
  }

  /** A namespace with traffic; images that aren't listed behave well. */
  async scene(
    namespace: string,
    requestsPerSecond: number,
    images: Readonly<Record<string, Behaviour>> = {},
  ): Promise<Scene> {
    const scene: Scene = {
      ...{requestsPerSecond, images: new Map(Object.entries(images))},
      ...{revisions: new Map(), digests: new Map(), hung: new Set(), lost: new Set()},
    };
    this.#scenes.set(namespace, scene);
    await this.client.create(NAMESPACE_REF, undefined, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {name: namespace},
    });
    return scene;
  }

  /** Creates a MaintenanceApi called `tasks` with a short bake and two pods. */
  async create(namespace: string, spec: Partial<MaintenanceApiSpecInput> = {}): Promise<void> {
    await this.client.create(resources.maintenanceApi, namespace, {
      apiVersion: 'maintenance-api.io/v1alpha1',
      kind: 'MaintenanceApi',
      metadata: {name: 'tasks', namespace},
      spec: {image: 'example/api:1', replicas: 2, release: {bakeSeconds: 10, minRequests: 50}, ...spec},
    });
  }

  async api(namespace: string): Promise<MaintenanceApi> {
    const api = await this.client.get(resources.maintenanceApi, namespace, 'tasks');
    if (api === undefined) throw new Error(`There is no MaintenanceApi ${namespace}/tasks`);
    return api as unknown as MaintenanceApi;
  }

  async patchSpec(namespace: string, spec: object): Promise<void> {
    await this.client.patch(resources.maintenanceApi, namespace, 'tasks', {spec}, {type: 'merge'});
  }

  /** Waits for a state of the resource; the error tells what was seen last. */
  async until(
    namespace: string,
    what: string,
    holds: (api: MaintenanceApi) => boolean,
    timeoutMs = 120_000,
  ): Promise<MaintenanceApi> {
    return waitFor(
      `${namespace}: ${what}`,
      async () => {
        if (this.pods.failure !== undefined)
          throw new Error(`the simulated kubelet failed: ${this.pods.failure.message}`);
        const api = await this.api(namespace);
        if (holds(api)) return api;
        const {conditions = [], remediation, summary} = api.status ?? {};
        const seen = conditions.map(({type, status, reason}) => `${type}=${status} ${reason}`).join(', ');
        throw new Error(`${seen}; ${summary?.message ?? ''}; ${JSON.stringify(remediation?.lastDecision ?? {})}`);
      },
      timeoutMs,
    );
  }

  /** Brings up a good revision and waits until it is the last known good. @returns its hash */
  async good(namespace: string): Promise<string> {
    const api = await this.until(
      namespace,
      'a last known good revision',
      ({status}) =>
        status?.revisions?.lastKnownGood !== undefined && status.revisions.lastKnownGood === status.revisions.desired,
    );
    return api.status?.revisions?.lastKnownGood ?? '';
  }

  /** Successful writes of a Deployment by the operator's manager. */
  deploymentPatches(namespace: string): Promise<AuditEvent[]> {
    return readAudit(
      this.plane.auditLogPath,
      ({verb, objectRef, responseStatus}) =>
        verb === 'patch' &&
        objectRef?.resource === 'deployments' &&
        objectRef.subresource === undefined &&
        objectRef.namespace === namespace &&
        (responseStatus?.code ?? 0) < 300,
    );
  }

  /** Evictions of pods that were asked for, whatever the answer. */
  evictions(namespace: string): Promise<AuditEvent[]> {
    return readAudit(this.plane.auditLogPath, isEviction(namespace));
  }

  /**
   * Requests of operator processes, their Lease and watches apart.
   *
   * @param select - of which namespace (any unless told), of which process (any unless told), and received in which time
   */
  requests(select: {namespace?: string; process?: ChildProcess; from: number; to?: number}): Promise<AuditEvent[]> {
    const {namespace, process: only, from, to = Infinity} = select;
    const agent = `${OPERATOR_AGENT}/${only === undefined ? '' : String(only.pid)}`;
    return readAudit(this.plane.auditLogPath, (event) => {
      const {userAgent = '', objectRef, requestReceivedTimestamp} = event;
      const at = Date.parse(requestReceivedTimestamp);
      const by = only === undefined ? userAgent.startsWith(agent) : userAgent === agent;
      return by && !isRoutine(event) && at >= from && at <= to && [undefined, objectRef?.namespace].includes(namespace);
    });
  }

  /** What all operator processes have logged. */
  async operatorLogs(): Promise<string> {
    const folder = join(this.plane.auditLogPath, '..');
    const files = (await readdir(folder)).filter((name) => /^operator-\d+\.log$/.test(name));
    return (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('');
  }

  /** ReplicaSets of the API. */
  async replicaSets(namespace: string): Promise<KubeObject[]> {
    return (await this.client.list(resources.replicaSet, {namespace})).items;
  }

  /** The API's pods that aren't being deleted, by name. */
  async apiPods(namespace: string): Promise<readonly {readonly name: string; readonly image: string}[]> {
    const {items} = await this.client.list<KubeObject & {spec: {containers: {image: string}[]}}>(resources.pod, {
      namespace,
      labelSelector: `${labels.component}=api`,
    });
    return items
      .filter(({metadata}) => metadata.deletionTimestamp === undefined)
      .map(({metadata, spec}) => ({name: metadata.name, image: spec.containers[0]?.image ?? ''}))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  async stop(): Promise<void> {
    for (const operator of this.#operators) {
      operator.kill('SIGKILL');
    }
    await this.pods.stop();
    await stopProcess(this.#controllers, 2_000);
    await this.client.close();
    await this.plane.stop();
  }
}
