import {createHash, randomBytes} from 'node:crypto';
import {resources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {
  controllerOf,
  isApiError,
  type KubeClient,
  type KubeObject,
  type OwnerReference,
  type WritableObject,
} from '../runtime/index.ts';
import {createAuthority, issueServerCertificate, needsRenewal} from './pki.ts';
import {ownersAsWanted} from './volume-owner.ts';

/** An account of the database; the wiring passes the builders' own list. */
export type AccountRole = 'app' | 'migrate' | 'backup' | 'monitor' | 'admin';

/** A Secret to be written; its data is in base64. */
type BuiltSecret = WritableObject & {readonly data: Readonly<Record<string, string>>};

/** Shapes and names of the Secrets (room `desired`), passed in by the wiring. */
export interface SecretBuilders {
  names(name: string): {
    readonly apiTokens: string;
    readonly databaseRole: Readonly<Record<AccountRole, string>>;
    readonly databaseTls: string;
    readonly databaseAuthority: string;
    readonly databaseState: string;
    readonly backupKeys: string;
  };
  readonly roles: readonly AccountRole[];
  /** Whether the operator runs the database. */
  ownsServer(api: MaintenanceApi): boolean;
  /** Who owns what the database's volume can't be read without; nobody while that is to outlive the resource. */
  retainedOwners(api: MaintenanceApi): readonly OwnerReference[];
  hosts(name: string, namespace: string): {readonly dns: readonly string[]; readonly ip: readonly string[]};
  role(api: MaintenanceApi, role: AccountRole, password: string): BuiltSecret;
  state(api: MaintenanceApi, serverUuids: Readonly<Record<string, string>>): BuiltSecret;
  authority(api: MaintenanceApi, pair: {readonly certificate: string; readonly privateKey: string}): BuiltSecret;
  serverTls(
    api: MaintenanceApi,
    pair: {readonly authority: string; readonly certificate: string; readonly privateKey: string},
  ): BuiltSecret;
  apiTokens(api: MaintenanceApi, tokens: readonly {readonly name: string; readonly token: string}[]): BuiltSecret;
  backupKeys(api: MaintenanceApi, keys: ReadonlyMap<string, Buffer>): BuiltSecret;
}

/** What the operator knows of the Secrets of the server that it runs. */
export interface ServerSecrets {
  readonly accounts: Readonly<Record<AccountRole, {readonly user: string; readonly password: string}>>;
  /** What the server is trusted by: its authority, and for a while the one before it. */
  readonly authorityCertificate: string;
  readonly serverCertificate: string;
  /** Server UUID by ordinal, of volumes that once were initialised. */
  readonly serverUuids: Readonly<Record<string, string>>;
}

/** What the operator knows of the Secrets that it owns. The values stay in memory and in the Secrets. */
export interface OwnedSecrets {
  /** undefined where the database is somebody else's: it has none of its own then. */
  readonly server: ServerSecrets | undefined;
  /** What only those may know who may read the resource's Secrets: what hashes of contents are keyed with. */
  readonly hashKey: string;
  /** Changes when any of them does; holds no secret. */
  readonly version: string;
}

interface SecretObject extends KubeObject {
  data?: Record<string, string>;
}

/** Reads a Secret of ours, or makes it. */
type GetSecret = (name: string, make: () => Promise<WritableObject> | WritableObject) => Promise<SecretObject>;

/** How the Secrets of one resource are read. */
interface SecretReader {
  readonly get: GetSecret;
  /** Of those that outlive their resource. */
  readonly getRetained: GetSecret;
  /** Remembers its version. */
  readonly note: (name: string, secret: SecretObject) => void;
}

type SecretClient = Pick<KubeClient, 'create' | 'get' | 'patch'>;

const PASSWORD_BYTES = 24;

/** AES-256. */
const KEY_BYTES = 32;

const keyIdOf = (key: Buffer): string => `generated-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
const isKey = (text: string | undefined): boolean => Buffer.from(text ?? '', 'base64').length === KEY_BYTES;

/** A password of characters that need no quoting in SQL, shells and option files. */
const newPassword = (): string => randomBytes(PASSWORD_BYTES).toString('hex');

function decode(secret: SecretObject, key: string): string | undefined {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}

/** A Secret of ours exists but a key can't be used: someone edited it, and making another value would lock somebody out. */
export class DamagedSecretError extends Error {
  override readonly name = 'DamagedSecretError';
  constructor(secret: string, key: string) {
    super(`Secret "${secret}" has no usable key "${key}"; restore it, or delete the Secret to have a new one made`);
  }
}

/** A Secret of ours that isn't there while nothing may be made. */
export class AbsentSecretError extends Error {
  override readonly name = 'AbsentSecretError';
  constructor(secret: string) {
    super(`Secret "${secret}" does not exist; it is made when spec.paused is unset`);
  }
}

/** A Secret of a deleted resource of the same name: it goes with that one, and what took it for its own would lose it. */
export class DoomedSecretError extends Error {
  override readonly name = 'DoomedSecretError';
  constructor(secret: string) {
    super(`Secret "${secret}" is of a deleted resource of this name; waiting until it is gone`);
  }
}

/** Reads the Secrets that a resource owns and makes the missing ones. They are read by name, never listed. */
export class OwnedSecretKeeper {
  readonly #client: SecretClient;
  readonly #guard: () => void;
  readonly #builders: SecretBuilders;

  constructor(options: {client: SecretClient; guard: () => void; builders: SecretBuilders}) {
    this.#builders = options.builders;
    this.#client = options.client;
    this.#guard = options.guard;
  }

  /**
   * Those of a paused resource are only read.
   *
   * @param now - wall clock
   * @throws ApiError; DamagedSecretError when one was edited by hand; AbsentSecretError; DoomedSecretError, which passes
   */
  async ensure(api: MaintenanceApi, now: Date): Promise<OwnedSecrets> {
    const names = this.#builders.names(api.metadata.name);
    const versions = new Map<string, string>();
    const note = (name: string, {metadata}: SecretObject): void => {
      versions.set(name, `${name}@${metadata.uid ?? ''}/${metadata.resourceVersion ?? ''}`);
    };
    const get: GetSecret = async (name, make) => {
      const secret = await this.#getOrCreate(api, name, make);
      note(name, secret);
      return secret;
    };
    const getRetained: GetSecret = async (name, make) => {
      const secret = await this.#ownedAsWanted(api, await this.#getOrCreate(api, name, make));
      note(name, secret);
      return secret;
    };
    const server = this.#builders.ownsServer(api) ? await this.#server(api, now, {get, getRetained, note}) : undefined;
    const tokens = await get(names.apiTokens, () =>
      this.#builders.apiTokens(api, [{name: 'default', token: newPassword()}]),
    );
    return {
      server,
      // Where there is no password that stays, the tokens' uid: random, and told with their values only.
      hashKey: server?.accounts.admin.password ?? tokens.metadata.uid ?? '',
      version: [...versions.values()].sort().join(','),
    };
  }

  async #server(api: MaintenanceApi, now: Date, {get, getRetained, note}: SecretReader): Promise<ServerSecrets> {
    const names = this.#builders.names(api.metadata.name);
    const accounts = Object.fromEntries(
      await Promise.all(
        this.#builders.roles.map(async (role) => {
          const name = names.databaseRole[role];
          const secret = await getRetained(name, () => this.#builders.role(api, role, newPassword()));
          return [
            role,
            {user: required(secret, name, 'username'), password: required(secret, name, 'password')},
          ] as const;
        }),
      ),
    ) as ServerSecrets['accounts'];
    const state = await getRetained(names.databaseState, () => this.#builders.state(api, {}));
    const authority = await this.#authority(api, now, getRetained);
    const tls = await this.#serverTls(api, now, authority, get);
    note(names.databaseTls, tls);
    return {
      accounts,
      authorityCertificate: required(tls, names.databaseTls, 'ca.crt'),
      serverCertificate: required(tls, names.databaseTls, 'tls.crt'),
      serverUuids: uuidsOf(state),
    };
  }

  /**
   * The id of the key that backups are encrypted with where the spec names none; it is made where there is none. Its id is
   * part of its hash: another key has another id, whatever became of the one before.
   *
   * @throws ApiError; DamagedSecretError; AbsentSecretError
   */
  async ensureBackupKey(api: MaintenanceApi): Promise<string> {
    const name = this.#builders.names(api.metadata.name).backupKeys;
    const secret = await this.#getOrCreate(api, name, () => {
      const key = randomBytes(KEY_BYTES);
      return this.#builders.backupKeys(api, new Map([[keyIdOf(key), key]]));
    });
    const usable = Object.keys(secret.data ?? {}).filter((id) => isKey(decode(secret, id)));
    const active = usable.find((id) => id === api.status?.backup?.keyId) ?? usable.sort()[0];
    if (active === undefined) throw new DamagedSecretError(name, 'generated-…');
    return active;
  }

  /** Remembers a volume's server UUID, so that the volume is never initialised a second time (invariant 9). */
  async rememberServerUuid(api: MaintenanceApi, serverUuids: Readonly<Record<string, string>>): Promise<void> {
    const names = this.#builders.names(api.metadata.name);
    const body = {data: this.#builders.state(api, serverUuids).data};
    await this.#client.patch(resources.secret, api.metadata.namespace, names.databaseState, body, {
      type: 'merge',
      beforeSend: this.#guard,
    });
  }

  async #authority(
    api: MaintenanceApi,
    now: Date,
    get: (name: string, make: () => Promise<WritableObject>) => Promise<SecretObject>,
  ): Promise<{certificate: string; privateKey: string}> {
    const name = this.#builders.names(api.metadata.name).databaseAuthority;
    const secret = await get(name, async () => this.#builders.authority(api, await createAuthority(now)));
    return {certificate: required(secret, name, 'tls.crt'), privateKey: required(secret, name, 'tls.key')};
  }

  async #serverTls(
    api: MaintenanceApi,
    now: Date,
    authority: {certificate: string; privateKey: string},
    get: (name: string, make: () => Promise<WritableObject>) => Promise<SecretObject>,
  ): Promise<SecretObject> {
    const {namespace, name: apiName} = api.metadata;
    const name = this.#builders.names(apiName).databaseTls;
    const issue = async (trusted: string): Promise<BuiltSecret> => {
      const issued = await issueServerCertificate(authority, this.#builders.hosts(apiName, namespace), now).catch(
        () => {
          // What the parser says of a private key is not repeated.
          throw new DamagedSecretError(this.#builders.names(apiName).databaseAuthority, 'tls.key');
        },
      );
      return this.#builders.serverTls(api, {authority: trusted, ...issued});
    };
    const secret = await get(name, async () => issue(authority.certificate));
    const certificate = required(secret, name, 'tls.crt');
    const trusted = required(secret, name, 'ca.crt');
    const known = trusted.includes(authority.certificate);
    if (api.spec.paused || (known && !needsRenewal(certificate, authority.certificate, now))) return secret;
    // Clients trust a new authority, beside the one before, a comparison earlier than the server shows what it signed:
    // pods get a changed Secret at different times.
    const privateKey = required(secret, name, 'tls.key');
    const built = known
      ? await issue(trusted)
      : this.#builders.serverTls(api, {
          authority: `${authority.certificate}${firstOf(trusted)}`,
          ...{certificate, privateKey},
        });
    const body = {data: built.data};
    return this.#client.patch<SecretObject>(resources.secret, namespace, name, body, {
      type: 'merge',
      beforeSend: this.#guard,
    });
  }

  /** The deletion policy may have changed since the Secret was made, and a Secret that was kept has no owner. */
  async #ownedAsWanted(api: MaintenanceApi, secret: SecretObject): Promise<SecretObject> {
    const {ownerReferences: has = [], name, namespace = '', resourceVersion} = secret.metadata;
    const ownerReferences = ownersAsWanted(api, has, this.#builders.retainedOwners(api));
    if (api.spec.paused || ownerReferences === undefined) return secret;
    const body = {metadata: {resourceVersion, ownerReferences}};
    return this.#client.patch<SecretObject>(resources.secret, namespace, name, body, {
      type: 'merge',
      beforeSend: this.#guard,
    });
  }

  async #getOrCreate(
    api: MaintenanceApi,
    name: string,
    make: () => Promise<WritableObject> | WritableObject,
  ): Promise<SecretObject> {
    const {namespace} = api.metadata;
    const existing = await this.#client.get<SecretObject>(resources.secret, namespace, name);
    if (existing !== undefined) return lasting(api, existing);
    if (api.spec.paused) throw new AbsentSecretError(name);
    try {
      return await this.#client.create<SecretObject>(resources.secret, namespace, await make(), {
        beforeSend: this.#guard,
      });
    } catch (error) {
      // Another process of ours was quicker, or an answer was lost: what is there now is what counts.
      if (!isApiError(error, 'AlreadyExists')) throw error;
      const made = await this.#client.get<SecretObject>(resources.secret, namespace, name);
      if (made === undefined) throw error;
      return lasting(api, made);
    }
  }
}

/** The first certificate of a bundle: the authority that signed last. */
function firstOf(bundle: string): string {
  return /^[\s\S]*?-----END CERTIFICATE-----\n?/.exec(bundle)?.[0] ?? '';
}

function lasting(api: MaintenanceApi, secret: SecretObject): SecretObject {
  const owner = controllerOf(secret);
  if (owner?.kind === api.kind && owner.uid !== api.metadata.uid) throw new DoomedSecretError(secret.metadata.name);
  return secret;
}

function required(secret: SecretObject, name: string, key: string): string {
  const value = decode(secret, key);
  if (value === undefined || value === '') throw new DamagedSecretError(name, key);
  return value;
}

const UUID_KEY = /^server-uuid-(\d+)$/;

function uuidsOf(state: SecretObject): Record<string, string> {
  const uuids: Record<string, string> = {};
  for (const key of Object.keys(state.data ?? {})) {
    const ordinal = UUID_KEY.exec(key)?.[1];
    const value = decode(state, key);
    if (ordinal !== undefined && value !== undefined) uuids[ordinal] = value;
  }
  return uuids;
}
