import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import type {Clock} from './clock.ts';

/** What the client needs of client-node's KubeConfig (which satisfies it). */
export interface KubeConfigLike {
  getCurrentCluster(): {readonly server: string; readonly proxyUrl?: string} | null;
  getCurrentUser(): {readonly authProvider?: {readonly config?: {readonly tokenFile?: string}} | null} | null;
  /** Fills in ca, cert, key, servername, rejectUnauthorized, auth and headers; reads files and runs exec plugins. */
  applyToHTTPSOptions(options: object): Promise<void>;
}

/** TLS parameters of connections; two equal ones may share connections. */
export interface TlsParameters {
  ca?: Buffer | string;
  cert?: Buffer | string;
  key?: Buffer | string;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** Where and as whom to ask. */
export interface Credential {
  /** Base URL of the API server, without a slash at its end. */
  readonly server: URL;
  readonly tls: TlsParameters;
  /** Equal fingerprints = equal TLS parameters. */
  readonly fingerprint: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** As client-go reads token and certificate files. */
const REFRESH_MS = 60_000;

interface AppliedOptions extends TlsParameters {
  auth?: string;
  headers?: Record<string, string>;
}

/**
 * Credentials of a kubeconfig, read again every minute and whenever the server no longer accepts them: service account
 * tokens and client certificates rotate while the process runs.
 */
export class Credentials {
  readonly #config: KubeConfigLike;
  readonly #clock: Clock;
  #current: {credential: Credential; readAt: number} | undefined;
  #reading: Promise<Credential> | undefined;

  constructor(config: KubeConfigLike, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** The credential to use now. Concurrent callers share one reading. @throws Error when files can't be read */
  get(): Promise<Credential> {
    const current = this.#current;
    if (current !== undefined && this.#clock.monotonic() - current.readAt < REFRESH_MS) {
      return Promise.resolve(current.credential);
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Says that the server refused this credential: the next get() reads again. */
  refused(credential: Credential): void {
    if (this.#current?.credential === credential) {
      this.#current = undefined;
    }
  }

  async #read(): Promise<Credential> {
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null) {
      throw new Error('The kubeconfig has no current cluster');
    }
    if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== '') {
      throw new Error('proxy-url in a kubeconfig is not supported');
    }
    const options: AppliedOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {...options.headers};
    if (options.auth !== undefined) {
      headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    // client-node caches a token file for a minute, also when the server has just refused what it holds.
    const tokenFile = this.#config.getCurrentUser()?.authProvider?.config?.tokenFile;
    if (tokenFile !== undefined) {
      headers.Authorization = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
    }
    const tls = tlsOf(options);
    const credential = {server: new URL(cluster.server), tls, fingerprint: fingerprintOf(tls), headers};
    this.#current = {credential, readAt: this.#clock.monotonic()};
    return credential;
  }
}

function tlsOf(options: AppliedOptions): TlsParameters {
  const {ca, cert, key, passphrase, servername, rejectUnauthorized} = options;
  return {
    ...(ca !== undefined && {ca}),
    ...(cert !== undefined && {cert}),
    ...(key !== undefined && {key}),
    ...(passphrase !== undefined && {passphrase}),
    ...(servername !== undefined && {servername}),
    ...(rejectUnauthorized !== undefined && {rejectUnauthorized}),
  };
}

function fingerprintOf(tls: TlsParameters): string {
  const hash = createHash('sha256');
  for (const [name, value] of Object.entries(tls)) {
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
    hash.update(`${name}:${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}
