import {spawn, type ChildProcess} from 'node:child_process';
import {chmod, chown, mkdir, mkdtemp, readFile, rm, statfs, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ConfigMap, Container, PodSpec, Volume} from 'kubernetes-types/core/v1.js';
import type {StatefulSet} from 'kubernetes-types/apps/v1.js';
import {MYSQL_ROOTFS, rootfs} from '../../../hack/images/rootfs.ts';
import {run} from '../../../hack/lib/exec.ts';
import {createProgress} from '../../../hack/lib/progress.ts';
import {desiredObjects, type DesiredInput, type SecretObject} from '../../../operator/src/desired/index.ts';

/** How a container ended, and what it said. */
export interface ContainerEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly terminationMessage: string;
}

/** A container that runs. It ends with this process, however that ends. */
export interface RunningContainer {
  readonly ended: Promise<ContainerEnd>;
  hasEnded(): boolean;
  output(): string;
  /** Bytes of memory that its main process has for itself, page cache apart: what counts against its limit. */
  memory(): Promise<number>;
  /** Sends SIGKILL to everything in the container; resolves when it is gone. */
  kill9(): Promise<ContainerEnd>;
}

/** What a container may get besides what its pod asks for. */
export interface ContainerChanges {
  readonly extraArguments?: readonly string[];
  /** Instead of the init script from the ConfigMap. */
  readonly script?: string;
}

/**
 * Makes a container's view of the file system in a mount namespace of its own: the image's root, read-only, with the
 * volumes on it. Arguments: image, new root, termination log, number of mounts, mounts (source target mode), command.
 */
const ENTER = `
set -eu
image=$1 root=$2 log=$3 count=$4
shift 4
mount -t tmpfs -o mode=755 none "$root"
for entry in "$image"/*; do
  name=\${entry##*/}
  case $name in
    etc) cp -a "$entry" "$root/etc" ;;
    dev | proc | run | sys | tmp | var) mkdir "$root/$name" ;;
    *)
      if [ -L "$entry" ]; then
        cp -P "$entry" "$root/$name"
      else
        mkdir "$root/$name"
        mount --bind "$entry" "$root/$name"
        mount -o remount,bind,ro "$root/$name"
      fi
      ;;
  esac
done
mount -t proc proc "$root/proc"
for device in null zero random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
touch "$root/dev/termination-log"
mount --bind "$log" "$root/dev/termination-log"
while [ "$count" -gt 0 ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"
  shift 3
  count=$((count - 1))
done
mount -o remount,ro "$root"
chroot "$root" "$@"
`;

const POD_IP = '127.0.0.1';
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * A pod of the managed database, run from its StatefulSet as a kubelet would: volumes from the ConfigMap and the Secrets,
 * command, environment, user and read-only root from the template, in the root file system of the database's image.
 */
export class MysqlPod {
  readonly #folder: string;
  readonly #image: string;
  readonly #name: string;
  readonly #spec: PodSpec;
  readonly #user: number;

  private constructor(folder: string, image: string, statefulSet: StatefulSet) {
    const spec = statefulSet.spec?.template.spec;
    if (spec?.securityContext?.runAsUser === undefined) throw new Error('The StatefulSet has no pod template');
    this.#folder = folder;
    this.#image = image;
    this.#name = `${statefulSet.metadata?.name ?? ''}-0`;
    this.#spec = spec;
    this.#user = spec.securityContext.runAsUser;
  }

  /** @throws Error when the caller isn't root: a mount namespace with another user's files needs that */
  static async create(input: DesiredInput, secrets: readonly SecretObject[]): Promise<MysqlPod> {
    if (process.getuid?.() !== 0) throw new Error('Running a pod of the database in its root file system needs root');
    const objects = desiredObjects(input);
    const statefulSet = objects.find(({kind}) => kind === 'StatefulSet') as StatefulSet;
    const configMap = objects.find(({kind}) => kind === 'ConfigMap') as ConfigMap;
    const folder = await mkdtemp(join(await roomyFolder(), 'mysql-pod-'));
    const pod = new MysqlPod(folder, await rootfs(MYSQL_ROOTFS, createProgress()), statefulSet);
    // Others must be able to pass through to what is theirs.
    await chmod(folder, 0o755);
    for (const name of ['data', ...(pod.#spec.volumes ?? []).map((volume) => volume.name)]) {
      await mkdir(pod.volume(name));
      await chown(pod.volume(name), 0, pod.#user);
      await chmod(pod.volume(name), 0o775);
    }
    await mkdir(join(folder, 'root'));
    for (const [key, text] of Object.entries(configMap.data ?? {})) await pod.#write('configuration', key, text);
    await pod.mountSecrets(secrets);
    return pod;
  }

  /** Folder of a volume, as seen from outside. */
  volume(name: string): string {
    return join(this.#folder, `volume-${name}`);
  }

  /** Takes over the database volume of another pod, as it is now. */
  async adopt(other: MysqlPod): Promise<void> {
    await run(['cp', '-a', `${other.volume('data')}/.`, this.volume('data')]);
  }

  /** Writes the given Secrets into the volumes that mount them. */
  async mountSecrets(secrets: readonly SecretObject[]): Promise<void> {
    for (const volume of this.#spec.volumes ?? []) {
      for (const {secret, items} of mountsOf(volume)) {
        const data = secrets.find(({metadata}) => metadata.name === secret)?.data ?? {};
        const files = items ?? Object.keys(data).map((key) => ({key, path: key}));
        for (const {key, path} of files) {
          const value = data[key];
          if (value !== undefined) await this.#write(volume.name, path, Buffer.from(value, 'base64'));
        }
      }
    }
  }

  /** Runs the init container to its end. */
  async init(changes: ContainerChanges = {}): Promise<ContainerEnd> {
    return (await this.startInit(changes)).ended;
  }

  async startInit(changes: ContainerChanges = {}): Promise<RunningContainer> {
    if (changes.script !== undefined) await this.#write('configuration', 'init.sh', changes.script);
    return await this.#run(this.#spec.initContainers?.[0], changes);
  }

  /** Starts mysqld with further arguments, which override those of the template. */
  async startServer(extraArguments: readonly string[]): Promise<RunningContainer> {
    return await this.#run(this.#spec.containers[0], {extraArguments});
  }

  /** Runs the readiness probe's command once, with further arguments. */
  async probe(extraArguments: readonly string[]): Promise<ContainerEnd> {
    const [server] = this.#spec.containers;
    const command = server?.readinessProbe?.exec?.command;
    if (server === undefined || command === undefined) throw new Error('There is no readiness command');
    return (await this.#run({...server, command}, {extraArguments})).ended;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, {recursive: true, force: true});
  }

  async #write(volume: string, name: string, content: string | Buffer): Promise<void> {
    const file = join(this.volume(volume), name);
    await rm(file, {force: true});
    await writeFile(file, content, {mode: 0o440});
    await chown(file, 0, this.#user);
  }

  async #run(container: Container | undefined, {extraArguments = []}: ContainerChanges): Promise<RunningContainer> {
    if (container?.command === undefined) throw new Error('The container has no command');
    const log = join(this.#folder, `termination-log-${container.name}`);
    await writeFile(log, '', {mode: 0o666});
    await chmod(log, 0o666);
    const environment = Object.fromEntries(
      (container.env ?? []).map((variable) => [variable.name, this.#value(variable)]),
    );
    const expand = (argument: string): string =>
      argument.replaceAll(/\$\(([A-Z_]+)\)/g, (whole, name: string) => environment[name] ?? whole);
    const mounts = (container.volumeMounts ?? []).flatMap(({name, mountPath, readOnly}) => [
      this.volume(name),
      mountPath,
      readOnly === true ? 'ro' : 'rw',
    ]);
    const user = ['--reuid', String(this.#user), '--regid', String(this.#user), '--clear-groups', '--no-new-privs'];
    const child = spawn('setpriv', [
      ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', ENTER, 'enter'],
      ...[this.#image, join(this.#folder, 'root'), log, String(mounts.length / 3), ...mounts],
      ...['setpriv', ...user, '--bounding-set=-all', 'env', '-i', `PATH=${SEARCH_PATH}`],
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      ...[...container.command, ...(container.args ?? [])].map(expand),
      ...extraArguments,
    ]);
    return running(child, log);
  }

  #value({value, valueFrom}: NonNullable<Container['env']>[number]): string {
    switch (valueFrom?.fieldRef?.fieldPath) {
      case undefined:
        return value ?? '';
      case 'metadata.name':
        return this.#name;
      case 'status.podIP':
        return POD_IP;
      default:
        throw new Error('A field that this pod does not know');
    }
  }
}

/** In memory where there is enough of it: what a test kills is a process, never the machine. */
async function roomyFolder(): Promise<string> {
  const {bavail, bsize} = await statfs('/dev/shm');
  return bavail * bsize > 2 * 1024 ** 3 ? '/dev/shm' : tmpdir();
}

function mountsOf({secret, projected}: Volume): {secret: string; items?: {key: string; path: string}[]}[] {
  const sources = [
    ...(secret === undefined ? [] : [{name: secret.secretName, items: secret.items}]),
    ...(projected?.sources ?? []).flatMap((source) => (source.secret === undefined ? [] : [source.secret])),
  ];
  return sources.map(({name, items}) => ({secret: name ?? '', ...(items && {items})}));
}

/** Of the last descendant in a chain of only children: what the container's command became. */
async function anonymousMemory(pid: number): Promise<number> {
  const [first] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean);
  if (first !== undefined) return await anonymousMemory(Number(first));
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

function running(child: ChildProcess, log: string): RunningContainer {
  let output = '';
  let over = false;
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<ContainerEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      over = true;
      readFile(log, 'utf8').then(
        (terminationMessage) => resolve({exitCode, signal, output, terminationMessage}),
        reject,
      );
    });
  });
  return {
    ended,
    hasEnded: () => over,
    output: () => output,
    memory: async () => await anonymousMemory(child.pid ?? 0),
    async kill9() {
      // The first process of the namespace dies with its parent, and the namespace with its first process.
      child.kill('SIGKILL');
      return await ended;
    },
  };
}
