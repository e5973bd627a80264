import {mkdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {run, startBackground, type ProcessIdentity} from '../../lib/exec.ts';
import type {Progress} from '../../lib/progress.ts';
import type {AddonImages} from '../addons/images.ts';
import {addonManifests} from '../addons/manifests.ts';
import {toArguments} from '../flags.ts';
import {writeKubeconfig, type KeyPair} from '../pki.ts';
import {ApiReader, waitFor, type Watched} from '../ready.ts';
import {componentFlags, COMPONENTS, NODE_NAME, type Component, type ComponentFiles} from './components.ts';
import {configureNode} from './configure.ts';
import {containerdReady, importImage, removeStaleContainers} from './images.ts';
import {INSIDE, type Layout} from './layout.ts';
import {createCgroup, inNamespaces, namespacesReady, NODE_ENVIRONMENT, startNamespaces} from './namespace.ts';

/** How long one step of the start may take, in milliseconds, also on a machine that is busy with other things. */
const STEP_DEADLINE_MS = 60_000;

/** What a node is started from. */
export interface NodeBuild {
  /** Folders of programs. */
  readonly controlPlane: string;
  readonly node: string;
  readonly images: AddonImages;
}

/**
 * Starts a node in an empty cluster folder (but for its images) and waits until DNS, metrics and volumes work.
 * @throws ClusterStartError when a component ends or isn't ready in time
 */
export async function startNode(layout: Layout, build: NodeBuild, progress: Progress): Promise<void> {
  await rm(layout.artifacts, {recursive: true, force: true});
  await mkdir(layout.artifacts, {recursive: true});
  await mkdir(layout.containerd, {recursive: true});
  const starting = await progress.run('starting the API server and containerd', async () => {
    const start = await Starting.begin(layout, build);
    await start.apiAndContainerd();
    return start;
  });
  await progress.run('starting the controllers, the scheduler and the kubelet', async () =>
    starting.controllersAndNode(),
  );
  await progress.run('waiting for DNS, metrics and volumes', async (task) =>
    starting.addons((missing) => {
      task.detail(missing);
    }),
  );
}

class Starting {
  readonly #layout: Layout;
  readonly #build: NodeBuild;
  readonly #node: ProcessIdentity;
  readonly #files: ComponentFiles;
  readonly #containerdConfig: string;
  readonly #api: ApiReader;
  readonly #watched: Watched[] = [];

  private constructor(
    layout: Layout,
    build: NodeBuild,
    parts: {node: ProcessIdentity; files: ComponentFiles; containerdConfig: string; api: ApiReader},
  ) {
    this.#layout = layout;
    this.#build = build;
    this.#node = parts.node;
    this.#files = parts.files;
    this.#containerdConfig = parts.containerdConfig;
    this.#api = parts.api;
    this.#watched.push({name: 'node', process: parts.node, logFile: layout.log('node')});
  }

  static async begin(layout: Layout, build: NodeBuild): Promise<Starting> {
    const cgroup = await createCgroup(layout);
    const {authority, admin, files, containerdConfig} = await configureNode(layout, cgroup, build.images.refs.pause);
    const node = await startNamespaces(layout, build);
    const watched = [{name: 'node', process: node, logFile: layout.log('node')}];
    await waitFor('node', watched, STEP_DEADLINE_MS, async () => namespacesReady(layout));
    const server = `https://127.0.0.1:${(await readFile(layout.file('port'), 'utf8')).trim()}`;
    await kubeconfig(layout, server, authority, admin);
    const api = await ApiReader.create(server, authority.certFile, admin);
    return new Starting(layout, build, {node, files, containerdConfig, api});
  }

  async apiAndContainerd(): Promise<void> {
    await Promise.all([
      this.#start('containerd', ['containerd', '--config', this.#containerdConfig]),
      this.#component('etcd'),
      this.#component('kube-apiserver'),
    ]);
    await Promise.all([
      this.#wait('API server', async () => this.#api.ready()),
      this.#wait('containerd', async () => containerdReady(this.#node)).then(async () => this.#loadImages()),
    ]);
  }

  async controllersAndNode(): Promise<void> {
    await Promise.all([
      this.#component('kube-controller-manager'),
      this.#component('kube-scheduler'),
      this.#component('kubelet'),
      this.#component('kube-proxy'),
    ]);
    const volumes = this.#layout.inside(this.#layout.file('volumes'));
    await mkdir(this.#layout.file('volumes'), {recursive: true});
    const kubectl = join(this.#build.controlPlane, 'kubectl');
    await run([kubectl, '--kubeconfig', this.#layout.kubeconfig, 'apply', '--server-side', '--filename', '-'], {
      input: addonManifests(this.#build.images.refs, volumes),
      diesWithCaller: true,
    });
    await this.#wait('node', async () => this.#isTrue(`/api/v1/nodes/${NODE_NAME}`, 'Ready'));
  }

  async addons(onMissing: (missing: string) => void): Promise<void> {
    const deployment = (name: string): string => `/apis/apps/v1/namespaces/kube-system/deployments/${name}`;
    const states: (() => Promise<true | string>)[] = [
      ...['coredns', 'local-path-provisioner', 'metrics-server'].map(
        (name) => async () => this.#isTrue(deployment(name), 'Available'),
      ),
      async () => {
        const metrics = await this.#api.get(`/apis/metrics.k8s.io/v1beta1/nodes/${NODE_NAME}`);
        return typeof metrics === 'string' ? metrics : true;
      },
    ];
    for (const state of states) {
      await this.#wait('add-ons', async () => {
        const reached = await state();
        if (reached !== true) onMissing(reached);
        return reached;
      });
    }
  }

  async #loadImages(): Promise<void> {
    await removeStaleContainers(this.#node);
    const {archive, refs} = this.#build.images;
    for (const ref of Object.values(refs)) await importImage(this.#node, archive, ref);
  }

  /** Whether a condition of an object is True: true, or what it is. */
  async #isTrue(path: string, condition: string): Promise<true | string> {
    const answer = await this.#api.get(path);
    if (typeof answer === 'string') return answer;
    const object = JSON.parse(answer.body) as {
      status?: {conditions?: {type: string; status: string; message?: string}[]};
    };
    const found = object.status?.conditions?.find(({type}) => type === condition);
    if (found?.status === 'True') return true;
    return `${path} is not ${condition}${found?.message === undefined ? '' : `: ${found.message}`}`;
  }

  async #component(name: Component): Promise<void> {
    const program = join(INSIDE.programs, COMPONENTS[name], name);
    await this.#start(name, [program, ...toArguments(componentFlags(this.#files)[name])]);
  }

  async #start(name: string, command: readonly string[]): Promise<void> {
    const process = await startBackground({
      command: inNamespaces(this.#node, command),
      pidFile: this.#layout.pidFile(name),
      logFile: this.#layout.log(name),
      env: NODE_ENVIRONMENT,
      cwd: '/',
    });
    this.#watched.push({name, process, logFile: this.#layout.log(name)});
  }

  async #wait(what: string, reached: () => Promise<true | string>): Promise<void> {
    await waitFor(what, this.#watched, STEP_DEADLINE_MS, reached);
  }
}

async function kubeconfig(layout: Layout, server: string, ca: KeyPair, admin: KeyPair): Promise<void> {
  const context = 'maintenance-api-local';
  await writeKubeconfig({
    server,
    caFile: ca.certFile,
    client: admin,
    user: 'admin',
    context,
    path: layout.kubeconfig,
  });
}
