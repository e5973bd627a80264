import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseAllDocuments} from 'yaml';
import {localCluster, type Cluster} from '../../hack/cluster/index.ts';
import {joinLocalCluster} from '../../hack/cluster/local.ts';
import {apiImage, derivedImage, mysqlImage, nodeBaseImage, operatorImage, type Image} from '../../hack/images/index.ts';
import {buildImage} from '../../hack/images/build.ts';
import {CommandError, run} from '../../hack/lib/exec.ts';
import type {Progress} from '../../hack/lib/progress.ts';
import {stateRoot} from '../../hack/lib/state.ts';
import type {MaintenanceApi, MaintenanceApiSpecInput} from '../../operator/src/api/v1alpha1/index.ts';
import {ConnectionWatch, type SeenConnection} from './isolation/connection-watch.ts';
import {parseLedger, type LedgerEntry} from './ledger.ts';
import {loadJob, type LoadOptions} from './load-job.ts';
import type {Manifest} from './manifest.ts';
import {readAudit, type AuditEvent} from './audit.ts';
import {waitFor} from './wait.ts';

/** Names of the images that a run's cluster has. */
const IMAGES_FILE = 'images.json';
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every image that demo and stories need. */
export interface Images {
  readonly operator: Image;
  readonly api: Image;
  readonly mysql: Image;
  readonly load: Image;
  /** The API with a planted fault: one request in five fails. */
  readonly failing: Image;
  /** The API whose pods hang after SIGWINCH. */
  readonly latching: Image;
  /** The API whose pods leak after SIGWINCH. */
  readonly leaking: Image;
}

/** Builds all images; unchanged ones are taken from the cache. */
export async function buildImages(progress: Progress): Promise<Images> {
  const api = await apiImage(progress);
  const base = await nodeBaseImage(progress);
  return {
    operator: await operatorImage(progress),
    api,
    mysql: await mysqlImage(progress),
    load: await buildImage(
      {
        name: 'load',
        dockerfile: join(root, 'test/load/Dockerfile'),
        context: join(root, 'test/load'),
        base,
        baseArgument: 'BASE_IMAGE',
      },
      progress,
    ),
    latching: await derivedImage(
      {name: 'api-latching', from: api, dockerfile: join(root, 'test/releases/latching/Dockerfile')},
      progress,
    ),
    leaking: await derivedImage(
      {name: 'api-leaking', from: api, dockerfile: join(root, 'test/releases/leaking/Dockerfile')},
      progress,
    ),
    failing: await derivedImage(
      {name: 'api-failing', from: api, dockerfile: join(root, 'test/releases/failing/Dockerfile')},
      progress,
    ),
  };
}

/** A real cluster with the operator in it, as demo and stories see it. */
export class World {
  readonly cluster: Cluster;
  readonly images: Images;
  /** Where evidence is written. */
  readonly artifacts: string;
  /** Every connection of the cluster's pods since it was joined. */
  readonly connections: ConnectionWatch;

  constructor(options: {cluster: Cluster; images: Images; artifacts: string}) {
    this.cluster = options.cluster;
    this.images = options.images;
    this.artifacts = options.artifacts;
    this.connections = new ConnectionWatch({
      exec: async (command) => (await this.cluster.exec(command)).stdout,
      kubectl: (args) => this.kubectl(args),
    });
  }

  /** Starts the cluster, builds and loads the images. */
  static async open(options: {name: string; progress: Progress; artifacts: string}): Promise<World> {
    const {name, progress, artifacts} = options;
    await mkdir(artifacts, {recursive: true});
    const images = await buildImages(progress);
    await writeFile(join(artifacts, IMAGES_FILE), JSON.stringify(images));
    // A cluster that an earlier run left is replaced, so that every run begins with the same state.
    const cluster = await localCluster({name, progress, fresh: true});
    for (const image of Object.values(images) as Image[]) await cluster.loadImage(image.archive, image.ref);
    return new World({cluster, images, artifacts});
  }

  /** Joins the cluster that the run's setup has started (test/e2e/setup.ts). */
  static async join(name: string): Promise<World> {
    const artifacts = join(stateRoot(), name);
    await mkdir(artifacts, {recursive: true});
    // What was loaded, not what the sources give by now.
    const images = JSON.parse(await readFile(join(artifacts, IMAGES_FILE), 'utf8')) as Images;
    const world = new World({cluster: await joinLocalCluster(name), images, artifacts});
    await world.connections.start();
    return world;
  }

  /** Runs kubectl against this cluster. @returns its standard output */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const command: [string, ...string[]] = [
      this.cluster.kubectlPath,
      '--kubeconfig',
      this.cluster.kubeconfigPath,
      ...args,
    ];
    const {stdout} = await run(command, input === undefined ? {} : {input});
    return stdout;
  }

  async apply(...manifests: readonly object[]): Promise<void> {
    // JSON, not YAML: kubectl reads an unquoted On as a boolean.
    const text = JSON.stringify({apiVersion: 'v1', kind: 'List', items: manifests});
    await this.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], text);
  }

  /** An object's JSON; undefined when there is none. */
  async get<T>(kind: string, name: string, namespace?: string): Promise<T | undefined> {
    const scope = namespace === undefined ? [] : ['-n', namespace];
    const text = await this.kubectl(['get', kind, name, ...scope, '--ignore-not-found', '-o', 'json']);
    return text.trim() === '' ? undefined : (JSON.parse(text) as T);
  }

  async list<T>(kind: string, namespace: string, selector?: string): Promise<T[]> {
    const label = selector === undefined ? [] : ['-l', selector];
    const text = await this.kubectl(['get', kind, '-n', namespace, ...label, '-o', 'json']);
    return (JSON.parse(text) as {items: T[]}).items;
  }

  /** The MaintenanceApi as it stands. */
  async api(namespace: string, name: string): Promise<MaintenanceApi> {
    const api = await this.get<MaintenanceApi>('maintenanceapi', name, namespace);
    if (api === undefined) throw new Error(`There is no MaintenanceApi ${namespace}/${name}`);
    return api;
  }

  /** Waits until a MaintenanceApi is in a state; the error tells the conditions that were seen last. */
  async waitApi(
    where: {namespace: string; name: string},
    what: string,
    holds: (api: MaintenanceApi) => boolean,
    timeoutMs: number,
  ): Promise<MaintenanceApi> {
    return waitFor(
      `MaintenanceApi ${where.namespace}/${where.name}: ${what}`,
      async () => {
        const api = await this.api(where.namespace, where.name);
        if (holds(api)) return api;
        const seen = (api.status?.conditions ?? []).map(({type, status, reason}) => `${type}=${status} ${reason}`);
        throw new Error(`${seen.join(', ')}; ${api.status?.summary?.message ?? ''}`);
      },
      timeoutMs,
    );
  }

  /** Waits until the cluster is what a MaintenanceApi's spec asks. */
  async waitReady(where: {namespace: string; name: string}, timeoutMs: number): Promise<MaintenanceApi> {
    return this.waitApi(
      where,
      'Ready',
      ({status}) => status?.conditions?.some(({type, status: is}) => type === 'Ready' && is === 'True') === true,
      timeoutMs,
    );
  }

  /** Waits until a revision has baked well. */
  async waitGood(where: {namespace: string; name: string}, timeoutMs: number): Promise<MaintenanceApi> {
    return this.waitApi(
      where,
      'a last known good revision',
      ({status}) => status?.revisions?.lastKnownGood !== undefined,
      timeoutMs,
    );
  }

  /** Creates a namespace in which Pod Security `restricted` is enforced. */
  async createNamespace(name: string): Promise<void> {
    const labels = {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'latest',
    };
    await this.apply({apiVersion: 'v1', kind: 'Namespace', metadata: {name, labels}});
    await this.kubectl(['apply', '-n', name, '-k', join(root, 'config/namespace')]);
  }

  /** Installs CRD and operator from config/default. @param image - the operator's; this run's unless told */
  async install(image = this.images.operator.ref): Promise<void> {
    const rendered = await this.kubectl(['kustomize', join(root, 'config/default')]);
    const manifests = parseAllDocuments(rendered).map((document) => document.toJS() as Manifest);
    for (const manifest of manifests) {
      if (manifest.kind === 'Deployment') replaceImages(manifest, image);
    }
    await this.apply(...manifests.filter(({kind}) => kind === 'CustomResourceDefinition' || kind === 'Namespace'));
    // kubectl wait fails on a definition that has no conditions yet.
    await waitFor('the CRD is served', () => this.kubectl(['get', 'maintenanceapis', '-A', '-o', 'name']), 30_000);
    await this.apply(...manifests.filter(({kind}) => kind !== 'CustomResourceDefinition' && kind !== 'Namespace'));
    await this.kubectl([
      'rollout',
      'status',
      '-n',
      'maintenance-api-system',
      'deployment/maintenance-api-operator',
      '--timeout=120s',
    ]);
  }

  /** A MaintenanceApi that uses this run's images and a short bake. */
  maintenanceApi(namespace: string, name: string, spec: Partial<MaintenanceApiSpecInput> = {}): Manifest {
    return {
      apiVersion: 'maintenance-api.io/v1alpha1',
      kind: 'MaintenanceApi',
      metadata: {name, namespace},
      spec: {
        image: this.images.api.ref,
        database: {managed: {image: this.images.mysql.ref, storage: {size: '1Gi'}}},
        autoscaling: {minReplicas: 2, maxReplicas: 4},
        release: {bakeSeconds: 20, minRequests: 100},
        ...spec,
      },
    };
  }

  /** Changes the spec as a user would: by a merge patch of it. */
  async patchSpec(where: {namespace: string; name: string}, spec: object): Promise<void> {
    await this.kubectl([
      'patch',
      '-n',
      where.namespace,
      'maintenanceapi',
      where.name,
      '--type=merge',
      '-p',
      JSON.stringify({spec}),
    ]);
  }

  /** Starts steady traffic from inside the cluster, through the Service. */
  async startLoad(where: {namespace: string; name: string}, options: LoadOptions): Promise<void> {
    await this.apply(loadJob(where, this.images.load.ref, options));
    await waitFor(
      `the load job ${options.name} is running`,
      async () => {
        const pods = await this.list<{status: {phase: string}}>('pods', where.namespace, `job-name=${options.name}`);
        return pods.some((pod) => pod.status.phase === 'Running') ? true : undefined;
      },
      60_000,
    );
  }

  /** The client's ledger so far. */
  async ledger(namespace: string, name: string): Promise<LedgerEntry[]> {
    return parseLedger(await this.kubectl(['logs', '-n', namespace, `job/${name}`, '--tail=-1']));
  }

  /** Waits for a load job to end. @returns its whole ledger */
  async finishedLedger(namespace: string, name: string, timeoutSeconds: number): Promise<LedgerEntry[]> {
    await this.kubectl([
      'wait',
      '-n',
      namespace,
      `job/${name}`,
      '--for=condition=Complete',
      `--timeout=${String(timeoutSeconds)}s`,
    ]);
    return this.ledger(namespace, name);
  }

  audit(keep: (event: AuditEvent) => boolean, stages?: readonly string[]): Promise<AuditEvent[]> {
    return readAudit(this.cluster.auditLogPath, keep, stages);
  }

  /** Rows of one column, asked of the database itself as its app account; the password goes by standard input. */
  async query(where: {namespace: string; name: string}, sql: string): Promise<string[]> {
    const secret = await this.get<{data: Record<string, string>}>('secret', `${where.name}-mysql-app`, where.namespace);
    const password = Buffer.from(secret?.data['password'] ?? '', 'base64').toString('utf8');
    const script =
      'read -r MYSQL_PWD; export MYSQL_PWD; exec mysql -u app -h 127.0.0.1 --ssl-mode=REQUIRED --default-character-set=utf8mb4 -N -B tasks_db -e "$0"';
    const text = await this.kubectl(
      ['exec', '-i', '-n', where.namespace, `${where.name}-mysql-0`, '-c', 'mysqld', '--', 'sh', '-c', script, sql],
      `${password}\n`,
    );
    return text.split('\n').filter((line) => line !== '');
  }

  /** Kills the main process of a pod's container with SIGKILL, from the node. */
  async killContainer(namespace: string, pod: string, container: string): Promise<void> {
    await this.signalContainer(namespace, pod, container, 'SIGKILL');
  }

  /** Sends a signal to the main process of a pod's container, from the node. */
  async signalContainer(namespace: string, pod: string, container: string, signal: NodeJS.Signals): Promise<void> {
    const object = await this.get<{status: {containerStatuses: {name: string; containerID: string}[]}}>(
      'pod',
      pod,
      namespace,
    );
    const id = object?.status.containerStatuses.find((status) => status.name === container)?.containerID.split('//')[1];
    if (id === undefined) throw new Error(`Pod ${pod} has no running container ${container}`);
    await this.cluster.exec(['ctr', '-n', 'k8s.io', 'tasks', 'kill', '--signal', signal, id]);
  }

  /** Writes a piece of evidence beside the run's other artifacts. */
  async evidence(name: string, content: unknown): Promise<void> {
    const text = typeof content === 'string' ? content : `${JSON.stringify(content, undefined, 2)}\n`;
    await writeFile(join(this.artifacts, name), text);
  }

  /** Copies what explains a failure: objects, events, operator's log, audit log. */
  async collect(namespace: string): Promise<void> {
    const asks: [string, string[]][] = [
      ['objects.yaml', ['get', 'all,maintenanceapi,controllerrevision,pvc,configmap', '-n', namespace, '-o', 'yaml']],
      ['events.txt', ['get', 'events', '-n', namespace, '--sort-by=.lastTimestamp']],
      [
        'operator.log',
        [
          'logs',
          '-n',
          'maintenance-api-system',
          '-l',
          'app.kubernetes.io/name=maintenance-api-operator',
          '--tail=-1',
          '--prefix',
        ],
      ],
    ];
    for (const [file, args] of asks) {
      const text = await this.kubectl(args).catch((error: unknown) =>
        error instanceof CommandError ? error.message : String(error),
      );
      await this.evidence(`${namespace}-${file}`, text);
    }
    await this.evidence('audit.log', await readFile(this.cluster.auditLogPath, 'utf8'));
  }

  /**
   * Ends a story: keeps what explains it, deletes its namespace, and holds every connection that was seen against the
   * policies of its time.
   *
   * @param deliberate - refused connections that the story itself opened
   * @throws Error naming each connection that the policies refuse
   */
  async leave(namespace: string, deliberate: (seen: SeenConnection) => boolean = () => false): Promise<void> {
    const seen = await this.connections.stop();
    await this.evidence(`${namespace}-connections.json`, seen);
    await this.collect(namespace);
    await this.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    const refused = seen.filter((one) => one.refused !== undefined && !deliberate(one));
    const lines = refused.map(
      ({client, server, protocol, port, refused: why}) => `${client} → ${server} ${protocol} ${port}: ${why ?? ''}`,
    );
    if (lines.length > 0) throw new Error(`NetworkPolicies refuse connections that are in use:\n${lines.join('\n')}`);
  }

  async close(): Promise<void> {
    await this.cluster.stop();
  }
}

function replaceImages(deployment: Manifest, image: string): void {
  const spec = deployment['spec'] as {template: {spec: {containers: {image: string}[]}}};
  for (const container of spec.template.spec.containers) container.image = image;
}
