import type {CommandOutput, RunOptions} from '../lib/exec.ts';

/** A running cluster of this machine. */
export interface Cluster {
  readonly name: string;
  /** A member of system:masters; reaches the API server through a port on the host's 127.0.0.1. */
  readonly kubeconfigPath: string;
  /** `https://127.0.0.1:port` */
  readonly server: string;
  /** kubectl of the cluster's version. */
  readonly kubectlPath: string;
  /** One JSON object (audit.k8s.io/v1 Event, level Metadata) a line for each answered request. */
  readonly auditLogPath: string;
  /** Logs of every component (`<component>.log`) and pod (`pods/`), and the audit log; kept after stop(). */
  readonly artifactsDir: string;
  /**
   * Makes an image known to the node. One whose name is known already is not loaded again: names carry the content.
   * @param archivePath - a docker-archive or OCI archive
   * @param ref - the image's name in it, with a tag, as pods will ask for it
   * @throws ImageLoadError when the archive has no image of that name
   */
  loadImage(archivePath: string, ref: string): Promise<void>;
  /**
   * Writes a kubeconfig for another user, by a client certificate.
   * @param user - for example `alice`
   * @param groups - the user's groups
   * @returns its path
   */
  kubeconfigFor(user: string, groups?: readonly string[]): Promise<string>;
  /**
   * Runs a command in the node's namespaces, for example `ip route` or `iptables-save`.
   * @throws CommandError when it fails
   */
  exec(command: readonly [string, ...string[]], options?: RunOptions): Promise<CommandOutput>;
  /** Ends the cluster; its images and artifacts stay. */
  stop(): Promise<void>;
}

/** An archive did not have the image that it was loaded for. */
export class ImageLoadError extends Error {
  override readonly name = 'ImageLoadError';
}

/** A cluster's name is part of paths, of its cgroup's owner and of container names. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/;

/** @throws RangeError when a cluster can't have this name */
export function requireClusterName(name: string): void {
  if (!NAME.test(name)) throw new RangeError(`a cluster's name must match ${String(NAME)}: ${name}`);
}
