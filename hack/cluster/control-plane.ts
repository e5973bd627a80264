import {randomBytes} from 'node:crypto';
import {mkdir, readFile, readdir, rm, writeFile} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import {join} from 'node:path';
import {requirePrograms} from '../lib/apt.ts';
import {isNotFound} from '../lib/errors.ts';
import {
  isRunning,
  processIdentity,
  startBackground,
  stopByPidFile,
  stopProcess,
  type ProcessIdentity,
} from '../lib/exec.ts';
import {createProgress, type Progress} from '../lib/progress.ts';
import {stateDir} from '../lib/state.ts';
import {apiServerFlags, AUDIT_POLICY, API_SERVICE_IP, etcdFlags, toArguments, type Flags} from './flags.ts';
import {CertificateAuthority, serviceAccountKey, writeKubeconfig, type KeyPair} from './pki.ts';
import {programs} from './programs.ts';
import {ApiReader, waitFor, type Watched} from './ready.ts';

const ADDRESS = '127.0.0.1';
const START_DEADLINE_MS = 60_000;
const ADMIN = 'admin';

export interface ControlPlaneOptions {
  /**
   * Gives the control plane a name under which another process can stop it; without one it belongs to the calling
   * process, and the next start removes it once that process is gone.
   */
  readonly name?: string;
  /** Flags of kube-apiserver that are added or replaced, without dashes, for example `{'max-requests-inflight': 20}`. */
  readonly apiServerFlags?: Flags;
  readonly progress?: Progress;
}

/** etcd and kube-apiserver on this machine's loopback: a real API, without controllers, scheduler or nodes. */
export interface ControlPlane {
  /** A member of system:masters. */
  readonly kubeconfigPath: string;
  /** `https://127.0.0.1:port`; the port stays the same over restarts. */
  readonly server: string;
  /** PEM. */
  readonly caData: string;
  readonly clientCertData: string;
  readonly clientKeyData: string;
  /** One JSON object (audit.k8s.io/v1 Event, level Metadata) a line for each answered request. Gone after stop(). */
  readonly auditLogPath: string;
  readonly kubectlPath: string;
  readonly apiServer: {
    readonly logPath: string;
    /** SIGKILL; resolves when the process is gone. Clients see their connections reset. */
    kill9(): Promise<void>;
    /** Starts it again with the same data, port and certificates (SIGKILL first if it still runs); resolves when ready. */
    restart(): Promise<void>;
  };
  /**
   * Writes a kubeconfig for another user, by a client certificate. RBAC is on: the user may do nothing until bound.
   * @param user - for example `alice` or `system:serviceaccount:ns:name`
   * @param groups - for example `['system:serviceaccounts:ns']`
   * @returns its path
   */
  kubeconfigFor(user: string, groups?: readonly string[]): Promise<string>;
  /** Stops both processes and removes all that they wrote. */
  stop(): Promise<void>;
}

/**
 * Starts a control plane; any number may run at the same time.
 * @throws PreflightError when openssl or Go is missing and can't be installed
 * @throws ClusterStartError when a process ends or isn't ready in time, with the end of its log
 */
export async function controlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const progress = options.progress ?? createProgress();
  await requirePrograms([{file: 'openssl', debianPackage: 'openssl', purpose: 'makes certificates'}], progress);
  const bin = await programs('control-plane', progress);
  await removeAbandoned();
  if (options.name !== undefined) await stopControlPlane(options.name);
  const directory = await stateDir('control-planes', await directoryName(options.name));
  try {
    return await new Instance(directory, bin, options.apiServerFlags ?? {}).start();
  } catch (error) {
    await remove(directory);
    throw error;
  }
}

/** Stops a control plane that was started under a name, and removes what killed processes left of theirs. */
export async function stopControlPlane(name: string): Promise<void> {
  await removeAbandoned();
  await remove(join(await stateDir('control-planes'), `named-${name}`));
}

/** A control plane's kubeconfig, or undefined when none of this name runs. */
export async function namedControlPlane(
  name: string,
): Promise<{kubeconfigPath: string; directory: string} | undefined> {
  const directory = join(await stateDir('control-planes'), `named-${name}`);
  const kubeconfigPath = join(directory, 'kubeconfig');
  try {
    await readFile(kubeconfigPath);
    return {kubeconfigPath, directory};
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A folder's name says whose it is, so that it can be told abandoned from the moment it exists. */
async function directoryName(name: string | undefined): Promise<string> {
  if (name !== undefined) return `named-${name}`;
  const self = await processIdentity(process.pid);
  if (self === undefined) throw new Error('this process is not in /proc');
  return `owned-${String(self.pid)}-${self.startTime}-${randomBytes(4).toString('hex')}`;
}

async function removeAbandoned(): Promise<void> {
  const parent = await stateDir('control-planes');
  for (const name of await readdir(parent)) {
    const match = /^owned-(\d+)-(\d+)-/.exec(name);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    if (await isRunning({pid: Number(match[1]), startTime: match[2]})) continue;
    await remove(join(parent, name));
  }
}

async function remove(directory: string): Promise<void> {
  // The API server first: without etcd it would only fill its log.
  await stopByPidFile(join(directory, 'kube-apiserver.pid'), 0);
  await stopByPidFile(join(directory, 'etcd.pid'), 0);
  await rm(directory, {recursive: true, force: true});
}

class Instance {
  readonly #directory: string;
  readonly #bin: string;
  readonly #extraFlags: Flags;

  constructor(directory: string, bin: string, extraFlags: Flags) {
    this.#directory = directory;
    this.#bin = bin;
    this.#extraFlags = extraFlags;
  }

  async start(): Promise<ControlPlane> {
    const ports = await freePorts();
    const server = `https://${ADDRESS}:${String(ports.api)}`;
    await mkdir(this.#path('pki'));
    await writeFile(this.#path('audit-policy.yaml'), AUDIT_POLICY);
    const etcd = this.#start('etcd', etcdFlags(this.#path('etcd'), ADDRESS, ports));
    // Awaited below, after the certificates are made beside it; a failure until then must not count as unhandled.
    etcd.catch(() => undefined);
    const {authority, admin, flags} = await this.#certificates(ports);
    const apiServer = {process: await this.#start('kube-apiserver', flags)};
    const watched = async (): Promise<Watched[]> => [
      {name: 'etcd', process: await etcd, logFile: this.#path('etcd.log')},
      {name: 'kube-apiserver', process: apiServer.process, logFile: this.#path('kube-apiserver.log')},
    ];
    const api = await ApiReader.create(server, authority.certFile, admin);
    const ready = async (): Promise<void> =>
      waitFor('API server ready', await watched(), START_DEADLINE_MS, async () => api.ready());
    await ready();
    const directory = this.#directory;
    const restart = async (): Promise<void> => {
      await stopProcess(apiServer.process, 0);
      apiServer.process = await this.#start('kube-apiserver', flags);
      await ready();
    };
    return {
      kubeconfigPath: await this.#kubeconfig(server, authority, admin, ADMIN, 'kubeconfig'),
      server,
      caData: await readFile(authority.certFile, 'utf8'),
      clientCertData: await readFile(admin.certFile, 'utf8'),
      clientKeyData: await readFile(admin.keyFile, 'utf8'),
      auditLogPath: this.#path('audit.log'),
      kubectlPath: join(this.#bin, 'kubectl'),
      apiServer: {
        logPath: this.#path('kube-apiserver.log'),
        kill9: async () => stopProcess(apiServer.process, 0),
        restart,
      },
      kubeconfigFor: async (user, groups = []) => {
        const name = `user-${randomBytes(6).toString('hex')}`;
        const client = await authority.issue({name, commonName: user, organizations: groups});
        return this.#kubeconfig(server, authority, client, user, `${name}.kubeconfig`);
      },
      stop: async () => remove(directory),
    };
  }

  async #certificates(ports: Ports): Promise<{authority: CertificateAuthority; admin: KeyPair; flags: Flags}> {
    const authority = await CertificateAuthority.create(this.#path('pki'), 'ca');
    const [serving, admin, serviceAccount] = await Promise.all([
      authority.issue({
        name: 'kube-apiserver',
        subjectAltNames: [`IP:${ADDRESS}`, `IP:${API_SERVICE_IP}`, 'DNS:localhost', 'DNS:kubernetes.default.svc'],
      }),
      authority.issue({name: ADMIN, organizations: ['system:masters']}),
      serviceAccountKey(this.#path('pki')),
    ]);
    const flags: Flags = {
      ...apiServerFlags({
        etcdUrl: `http://${ADDRESS}:${String(ports.client)}`,
        bindAddress: ADDRESS,
        port: ports.api,
        clientCaFile: authority.certFile,
        serving,
        serviceAccount,
        auditPolicyFile: this.#path('audit-policy.yaml'),
        auditLogFile: this.#path('audit.log'),
      }),
      // A Service may not point to loopback, and no controller makes the service accounts that pods would need.
      'endpoint-reconciler-type': 'none',
      'disable-admission-plugins': 'ServiceAccount',
      ...this.#extraFlags,
    };
    return {authority, admin, flags};
  }

  async #start(name: 'etcd' | 'kube-apiserver', flags: Flags): Promise<ProcessIdentity> {
    return startBackground({
      command: [join(this.#bin, name), ...toArguments(flags)],
      pidFile: this.#path(`${name}.pid`),
      logFile: this.#path(`${name}.log`),
    });
  }

  async #kubeconfig(server: string, ca: KeyPair, client: KeyPair, user: string, file: string): Promise<string> {
    return writeKubeconfig({
      server,
      caFile: ca.certFile,
      client,
      user,
      context: 'control-plane',
      path: this.#path(file),
    });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

interface Ports {
  readonly client: number;
  readonly peer: number;
  readonly api: number;
}

/** Ports that were free a moment ago: the kernel hands out others to whoever asks next, so they stay free for long. */
async function freePorts(): Promise<Ports> {
  const servers = await Promise.all(
    [1, 2, 3].map(
      async () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer().once('error', reject);
          server.listen(0, ADDRESS, () => {
            resolve(server);
          });
        }),
    ),
  );
  const [client = 0, peer = 0, api = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => new Promise((resolve) => server.close(resolve))));
  return {client, peer, api};
}
