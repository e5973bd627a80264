import {join} from 'node:path';

/** Addresses of the node's network namespace; each cluster has a namespace of its own, so all can have the same. */
export const NODE_IP = '10.255.0.1';
export const POD_CIDR = '10.244.0.0/24';
export const API_PORT = 6443;
/** The node as the namespace's components reach the API server. */
export const NODE_SERVER = `https://${NODE_IP}:${String(API_PORT)}`;

/**
 * Paths as the node's mount namespace has them: short (a Unix socket's path has at most 107 characters) and the same on
 * every machine.
 */
export const INSIDE = {
  /** The cluster's folder. */
  node: '/run/node',
  programs: '/run/programs',
  containerdSocket: '/run/containerd/containerd.sock',
  kubelet: '/var/lib/kubelet',
} as const;

/** A cluster's folder, as the host has it. */
export class Layout {
  readonly directory: string;

  /** @param directory - absolute */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** What is kept after the cluster is gone, for whoever asks why: logs and the audit log. */
  get artifacts(): string {
    return join(this.directory, 'artifacts');
  }

  /** What the next cluster of this name uses again: containerd's content store with the images. */
  get containerd(): string {
    return join(this.directory, 'containerd');
  }

  /** Everything else: removed with the cluster. */
  get run(): string {
    return join(this.directory, 'run');
  }

  get auditLog(): string {
    return join(this.artifacts, 'audit.log');
  }

  get kubeconfig(): string {
    return join(this.run, 'kubeconfig');
  }

  /** A file below run/. */
  file(...parts: string[]): string {
    return join(this.run, ...parts);
  }

  log(component: string): string {
    return join(this.artifacts, `${component}.log`);
  }

  pidFile(component: string): string {
    return this.file('pids', `${component}.pid`);
  }

  /** The same file as the node's mount namespace has it. */
  inside(path: string): string {
    if (!path.startsWith(`${this.directory}/`)) throw new RangeError(`not in the cluster's folder: ${path}`);
    return join(INSIDE.node, path.slice(this.directory.length));
  }
}
