import {setTimeout as delay} from 'node:timers/promises';
import {createConnection, type Connection, type RowDataPacket} from 'mysql2/promise';
import {createAuthority, issueServerCertificate, type PemKeyPair} from '../../../operator/src/act/pki.ts';
import type {DatabaseTarget} from '../../../operator/src/api/v1alpha1/index.ts';
import {
  databaseHosts,
  databasePodHost,
  databasePodName,
  databaseRoles,
  roleSecret,
  serverTlsSecret,
  type DatabaseRole,
  type SecretObject,
} from '../../../operator/src/desired/index.ts';
import {aMaintenanceApi, desiredInput} from '../../../operator/src/desired/testing/scenarios.ts';
import {freePort} from '../../harness/mysqld-process.ts';
import {MysqlPod, type ContainerEnd, type RunningContainer} from './mysql-pod.ts';

/** The resource that the database under test belongs to. */
export const api = aMaintenanceApi();

/** How to log in; by default over TLS to the ordinary port with the password of the Secret. */
export interface Login {
  readonly admin?: boolean;
  readonly password?: string;
  readonly tls?: boolean;
  readonly database?: string;
}

/** The password that an account's Secret holds. */
export const passwordOf = (role: DatabaseRole): string => `${role}0123456789abcdefABCDEF`;

/** The accounts' Secrets, with something after each password. */
export const roleSecrets = (suffix = ''): SecretObject[] =>
  databaseRoles.map((role) => roleSecret(api, role, passwordOf(role) + suffix));

/** Waits until a state is there; the container that should bring it about must not end before. */
export async function until(state: () => Promise<boolean> | boolean, container: RunningContainer): Promise<void> {
  while (!(await state())) {
    if (container.hasEnded()) throw new Error(`It ended before: ${container.output()}`);
    await delay(5);
  }
}

/** The server's certificate in its Secret, PEM. */
export function certificateOf({data}: SecretObject): string {
  return Buffer.from(data['tls.crt'] ?? '', 'base64').toString('utf8');
}

/** The managed database of a MaintenanceApi: a pod after another, with Secrets and a real server. */
export class ManagedDatabase {
  readonly #authority: PemKeyPair;
  readonly #tls: SecretObject;
  /** Initialised once, for the tests of what comes after. */
  #firstPod: MysqlPod | undefined;
  #pod: MysqlPod | undefined;
  #server: RunningContainer | undefined;
  #port = 0;
  #adminPort = 0;

  private constructor(authority: PemKeyPair, tls: SecretObject) {
    this.#authority = authority;
    this.#tls = tls;
  }

  /** With a volume that was initialised. */
  static async create(): Promise<ManagedDatabase> {
    const now = new Date();
    const authority = await createAuthority(now);
    const names = databaseHosts(api.metadata.name, api.metadata.namespace);
    const certificate = await issueServerCertificate(authority, names, now);
    const database = new ManagedDatabase(authority, serverTlsSecret(api, authority.certificate, certificate));
    await database.newPod();
    await database.initialise();
    database.#firstPod = database.#pod;
    database.#pod = undefined;
    return database;
  }

  get pod(): MysqlPod {
    if (this.#pod === undefined) throw new Error('There is no pod yet');
    return this.#pod;
  }

  /** A pod on an empty volume. */
  async newPod(): Promise<void> {
    this.#pod = await MysqlPod.create(desiredInput(api), [this.#tls, ...roleSecrets()]);
  }

  /** A pod whose init container ran on a volume that was initialised before. */
  async newPodWithData(): Promise<void> {
    await this.newPod();
    if (this.#firstPod !== undefined) await this.pod.adopt(this.#firstPod);
    await this.initialise();
  }

  /** @throws Error when the init container fails */
  async initialise(): Promise<void> {
    const {exitCode, output, terminationMessage} = await this.pod.init();
    if (exitCode !== 0 || terminationMessage !== '') throw new Error(`${terminationMessage}\n${output}`);
  }

  /** Starts mysqld on free ports of the loopback interface, with the settings of my.cnf but for those. */
  async start(...extra: string[]): Promise<RunningContainer> {
    this.#port = await freePort();
    this.#adminPort = await freePort();
    const server = await this.pod.startServer([
      ...[`--port=${this.#port}`, `--admin-port=${this.#adminPort}`, '--bind-address=127.0.0.1'],
      ...extra,
    ]);
    this.#server = server;
    await until(async () => (await this.probe()).exitCode === 0, server);
    return server;
  }

  /** Where and as whom the operator asks it. */
  target(user: DatabaseRole, options: Login = {}): DatabaseTarget {
    const {namespace, name} = api.metadata;
    return {
      namespace,
      pod: databasePodName(name, 0),
      host: '127.0.0.1',
      port: options.admin === true ? this.#adminPort : this.#port,
      serverName: databasePodHost(name, namespace, 0),
      ca: this.#authority.certificate,
      user,
      password: options.password ?? passwordOf(user),
    };
  }

  /** Another certificate of the same authority, valid from then on. @returns the Secret that holds it */
  async issueCertificate(from: Date): Promise<SecretObject> {
    const names = databaseHosts(api.metadata.name, api.metadata.namespace);
    const certificate = await issueServerCertificate(this.#authority, names, from);
    return serverTlsSecret(api, this.#authority.certificate, certificate);
  }

  /** The certificate that the pod was given, PEM. */
  get certificate(): string {
    return certificateOf(this.#tls);
  }

  async probe(): Promise<ContainerEnd> {
    return await this.pod.probe([`--port=${this.#port}`]);
  }

  /** With SIGKILL. */
  async stop(): Promise<void> {
    await this.#server?.kill9();
    this.#server = undefined;
  }

  async as(user: DatabaseRole, options: Login = {}): Promise<Connection> {
    const encrypted = {ssl: {ca: this.#authority.certificate, servername: 'shop-mysql'}};
    return await createConnection({
      host: '127.0.0.1',
      port: options.admin === true ? this.#adminPort : this.#port,
      user,
      password: options.password ?? passwordOf(user),
      ...(options.tls === false ? {} : encrypted),
      ...(options.database !== undefined && {database: options.database}),
    });
  }

  async query(user: DatabaseRole, sql: string, options?: Login): Promise<RowDataPacket[]> {
    const connection = await this.as(user, options);
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return rows;
    } finally {
      await connection.end();
    }
  }

  /** Stops the server and removes the pod of one test. */
  async removePod(): Promise<void> {
    await this.stop();
    await this.#pod?.remove();
    this.#pod = undefined;
  }

  async remove(): Promise<void> {
    await this.removePod();
    await this.#firstPod?.remove();
  }
}
