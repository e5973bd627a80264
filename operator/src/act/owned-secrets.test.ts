import {describe, expect, test} from '@jest/globals';
import {X509Certificate} from 'node:crypto';
import type {MaintenanceApi} from '../api/v1alpha1/index.ts';
import {AbsentSecretError, DamagedSecretError, DoomedSecretError, OwnedSecretKeeper} from './owned-secrets.ts';
import type {OwnedSecrets, SecretBuilders, ServerSecrets} from './owned-secrets.ts';
import {createAuthority} from './pki.ts';
import {aMaintenanceApi, anError, FakeServer} from './testing.ts';

const NOW = new Date('2026-03-01T00:00:00Z');
const DAY_MS = 86_400_000;
const API = aMaintenanceApi();
const PAUSED: MaintenanceApi = {...API, spec: {...API.spec, paused: true}};
const NAMES = {
  apiTokens: 'tokens',
  databaseRole: {app: 'app', migrate: 'migrate', backup: 'backup', monitor: 'monitor', admin: 'admin'},
  databaseTls: 'tls',
  databaseAuthority: 'ca',
  databaseState: 'state',
  backupKeys: 'backup-keys',
};
const SECRETS = ['admin', 'app', 'ca', 'migrate', 'monitor', 'state', 'tls', 'tokens'];

const base64 = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

const owner = ({apiVersion, kind, metadata: {name, uid}}: MaintenanceApi) => ({
  ...{apiVersion, kind, name, uid, controller: true},
});
const owners = (api: MaintenanceApi) => (api.spec.deletionPolicy === 'Delete' ? [owner(api)] : []);

const secret = (api: MaintenanceApi, name: string, values: Record<string, string>, ownerReferences = [owner(api)]) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {name, namespace: api.metadata.namespace, ownerReferences},
  data: base64(values),
});
const kept = (api: MaintenanceApi, name: string, values: Record<string, string>) =>
  secret(api, name, values, owners(api));

const builders: SecretBuilders = {
  names: () => NAMES,
  roles: ['app', 'migrate', 'monitor', 'admin'],
  ownsServer: ({spec}) => spec.database.external === undefined,
  retainedOwners: owners,
  hosts: () => ({dns: ['shop-mysql'], ip: []}),
  role: (api, role, password) => kept(api, role, {username: role, password}),
  state: (api, uuids) =>
    kept(api, 'state', Object.fromEntries(Object.entries(uuids).map(([i, uuid]) => [`server-uuid-${i}`, uuid]))),
  authority: (api, {certificate, privateKey}) => kept(api, 'ca', {'tls.crt': certificate, 'tls.key': privateKey}),
  serverTls: (api, {authority, certificate, privateKey}) =>
    secret(api, 'tls', {'ca.crt': authority, 'tls.crt': certificate, 'tls.key': privateKey}),
  apiTokens: (api, tokens) => secret(api, 'tokens', {tokens: tokens.map(({token}) => token).join()}),
  backupKeys: (api, keys) =>
    secret(api, 'backup-keys', Object.fromEntries([...keys].map(([id, key]) => [id, key.toString('base64')]))),
};

function aKeeper(guard: () => void = () => undefined) {
  const server = new FakeServer();
  const keeper = new OwnedSecretKeeper({client: server, guard, builders});
  const writes = (): string[] => server.log.filter((line) => !line.startsWith('get '));
  return {server, keeper, writes};
}

/** What is known of the server's Secrets. */
function serverOf({server}: OwnedSecrets): ServerSecrets {
  if (server === undefined) throw new Error('The operator runs no server');
  return server;
}

/** Sets what a Secret holds. */
function edit(server: FakeServer, name: string, change: Record<string, string | undefined>): void {
  const object = server.objects.get(`Secret/${name}`);
  if (object === undefined) throw new Error(`There is no Secret ${name}`);
  const changed = Object.entries(change).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, Buffer.from(value).toString('base64')]],
  );
  const kept = Object.entries(object.data ?? {}).filter(([key]) => !Object.hasOwn(change, key));
  object.data = Object.fromEntries([...kept, ...changed]) as Record<string, string>;
}

describe('the Secrets of a resource', () => {
  test('are made once, and read ever after', async () => {
    const {server, keeper, writes} = aKeeper();
    const made = await keeper.ensure(API, NOW);
    expect(writes().sort()).toEqual(SECRETS.map((name) => `create Secret/${name}`));
    expect(serverOf(made).accounts.app).toEqual({user: 'app', password: expect.stringMatching(/^[0-9a-f]{48}$/)});
    expect(new Set(Object.values(serverOf(made).accounts).map(({password}) => password)).size).toBe(4);
    expect(new X509Certificate(serverOf(made).serverCertificate).checkHost('shop-mysql')).toBe('shop-mysql');
    expect(serverOf(made).serverUuids).toEqual({});

    server.asked.length = 0;
    expect(await keeper.ensure(API, NOW)).toEqual(made);
    expect(writes()).toEqual([]);
  });

  test('are the tokens alone where somebody else runs the database', async () => {
    const {keeper, writes, server} = aKeeper();
    const database = {...API.spec.database, external: {} as NonNullable<typeof API.spec.database.external>};
    const made = await keeper.ensure({...API, spec: {...API.spec, database}}, NOW);
    expect(writes()).toEqual(['create Secret/tokens']);
    expect(made.server).toBeUndefined();
    expect(made.hashKey).toBe(server.objects.get('Secret/tokens')?.metadata.uid);
  });

  test('have a version that tells any change, and holds none of them', async () => {
    const {server, keeper} = aKeeper();
    const made = await keeper.ensure(API, NOW);
    for (const {password} of Object.values(serverOf(made).accounts)) expect(made.version).not.toContain(password);
    const state = server.objects.get('Secret/state');
    if (state !== undefined) state.metadata.resourceVersion = '9999';
    expect((await keeper.ensure(API, NOW)).version).not.toBe(made.version);
  });

  test('that another process made in the meantime are taken as they are', async () => {
    const {server, keeper} = aKeeper();
    const theirs = aKeeper();
    await theirs.keeper.ensure(API, NOW);
    let raced = false;
    server.refuse = ({verb, object}) => {
      if (verb !== 'create' || raced) return;
      raced = true;
      const other = theirs.server.objects.get(object);
      if (other !== undefined) server.objects.set(object, other);
    };
    const made = await keeper.ensure(API, NOW);
    const name = server.log.find((line) => line.startsWith('create '))?.slice('create Secret/'.length) ?? '';
    const stored = theirs.server.objects.get(`Secret/${name}`)?.data?.['password'] ?? '';
    const passwords = Object.values(serverOf(made).accounts).map(({password}) => password);
    expect(passwords).toContain(Buffer.from(stored, 'base64').toString());
  });

  test.each(['password', 'username'])('without their %s are damaged: they are not made anew', async (key) => {
    const {server, keeper, writes} = aKeeper();
    await keeper.ensure(API, NOW);
    server.asked.length = 0;
    edit(server, 'monitor', {[key]: undefined});
    await expect(keeper.ensure(API, NOW)).rejects.toThrow(DamagedSecretError);
    await expect(keeper.ensure(API, NOW)).rejects.toThrow(`Secret "monitor" has no usable key "${key}"`);
    expect(writes()).toEqual([]);
  });

  test('whose authority has a key that is none are damaged, and no word of it is repeated', async () => {
    const {server, keeper} = aKeeper();
    await keeper.ensure(API, NOW);
    edit(server, 'ca', {'tls.key': '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'});
    server.objects.delete('Secret/tls');
    const failed: unknown = await keeper.ensure(API, NOW).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(DamagedSecretError);
    expect(String(failed)).not.toContain('c2VjcmV0');
    expect((failed as Error).cause).toBeUndefined();
  });

  test('that keep the data readable go with the resource where it says so, and stay where it does not', async () => {
    const {server, keeper, writes} = aKeeper();
    const retained = ['admin', 'app', 'ca', 'migrate', 'monitor', 'state'];
    const ownedNames = (): string[] =>
      SECRETS.filter((name) => (server.objects.get(`Secret/${name}`)?.metadata.ownerReferences ?? []).length > 0);
    const made = await keeper.ensure(API, NOW);
    expect(ownedNames()).toEqual(['tls', 'tokens']);
    server.asked.length = 0;

    const goes: MaintenanceApi = {...API, spec: {...API.spec, deletionPolicy: 'Delete'}};
    expect((await keeper.ensure({...goes, spec: {...goes.spec, paused: true}}, NOW)).version).toBe(made.version);
    expect(writes()).toEqual([]);
    const tied = await keeper.ensure(goes, NOW);
    expect(writes().sort()).toEqual(retained.map((name) => `patch Secret/${name}`));
    expect(ownedNames()).toEqual(SECRETS);
    expect(serverOf(tied).accounts).toEqual(serverOf(made).accounts);
    server.asked.length = 0;
    expect((await keeper.ensure(goes, NOW)).version).toBe(tied.version);
    expect(writes()).toEqual([]);

    await keeper.ensure(API, NOW);
    expect(writes().sort()).toEqual(retained.map((name) => `patch Secret/${name}`));
    expect(ownedNames()).toEqual(['tls', 'tokens']);
  });

  test('of a deleted resource of the same name are not taken: they go with it', async () => {
    const {server, keeper} = aKeeper();
    const former = aMaintenanceApi({metadata: {...API.metadata, uid: 'the former one'}});
    await keeper.ensure(former, NOW);
    await expect(keeper.ensure(API, NOW)).rejects.toThrow(DoomedSecretError);
    server.objects.clear();
    await keeper.ensure(API, NOW);
    expect(server.objects.size).toBe(SECRETS.length);
  });

  test('of a paused resource are neither made nor renewed', async () => {
    const {server, keeper, writes} = aKeeper();
    await expect(keeper.ensure(PAUSED, NOW)).rejects.toThrow(AbsentSecretError);
    expect(writes()).toEqual([]);
    await keeper.ensure(API, NOW);
    server.asked.length = 0;
    await keeper.ensure(PAUSED, new Date(NOW.getTime() + 3650 * DAY_MS));
    expect(writes()).toEqual([]);
  });

  test('are made by nobody without a lease', async () => {
    const {server, keeper} = aKeeper(() => {
      throw new Error('no lease');
    });
    await expect(keeper.ensure(API, NOW)).rejects.toThrow('no lease');
    expect(server.objects.size).toBe(0);
  });

  test('that may not be read are an error of their own', async () => {
    const {server, keeper} = aKeeper();
    server.refuse = () => {
      throw anError(403, 'Forbidden');
    };
    await expect(keeper.ensure(API, NOW)).rejects.toMatchObject({kind: 'Forbidden'});
  });
});

describe("the server's certificate", () => {
  test('is renewed before it runs out, and not sooner', async () => {
    const {server, keeper, writes} = aKeeper();
    const made = await keeper.ensure(API, NOW);
    const life = new X509Certificate(serverOf(made).serverCertificate);
    const end = life.validToDate.getTime();
    server.asked.length = 0;
    const early = await keeper.ensure(API, new Date(NOW.getTime() + DAY_MS));
    expect([serverOf(early).serverCertificate === serverOf(made).serverCertificate, writes()]).toEqual([true, []]);

    const late = new Date(end - DAY_MS);
    const renewed = await keeper.ensure(API, late);
    expect(writes()).toEqual(['patch Secret/tls']);
    expect(new X509Certificate(serverOf(renewed).serverCertificate).validToDate.getTime()).toBeGreaterThan(end);
    expect(serverOf(renewed).authorityCertificate).toBe(serverOf(made).authorityCertificate);
    expect(renewed.version).not.toBe(made.version);
  });

  test('is issued anew when another authority signs, once its clients trust both', async () => {
    const {server, keeper} = aKeeper();
    const made = await keeper.ensure(API, NOW);
    const other = await createAuthority(NOW);
    edit(server, 'ca', {'tls.crt': other.certificate, 'tls.key': other.privateKey});
    const first = await keeper.ensure(API, NOW);
    expect(serverOf(first).serverCertificate).toBe(serverOf(made).serverCertificate);
    expect(serverOf(first).authorityCertificate).toBe(`${other.certificate}${serverOf(made).authorityCertificate}`);
    const second = await keeper.ensure(API, NOW);
    expect(
      new X509Certificate(serverOf(second).serverCertificate).verify(new X509Certificate(other.certificate).publicKey),
    ).toBe(true);
    expect(serverOf(second).authorityCertificate).toBe(serverOf(first).authorityCertificate);
    expect((await keeper.ensure(API, NOW)).version).toBe(second.version);
  });

  test('is trusted by two authorities at most, however often they are replaced', async () => {
    const {server, keeper} = aKeeper();
    let before = serverOf(await keeper.ensure(API, NOW)).authorityCertificate;
    for (let i = 0; i < 3; i++) {
      const {certificate, privateKey} = await createAuthority(NOW);
      edit(server, 'ca', {'tls.crt': certificate, 'tls.key': privateKey});
      expect(serverOf(await keeper.ensure(API, NOW)).authorityCertificate).toBe(`${certificate}${before}`);
      before = certificate;
    }
  });
});

test("a volume's server is remembered beside those that are known", async () => {
  const {server, keeper} = aKeeper();
  await keeper.ensure(API, NOW);
  await keeper.rememberServerUuid(API, {0: 'the-uuid'});
  expect(server.asked.at(-1)).toMatchObject({verb: 'patch', object: 'Secret/state', options: {type: 'merge'}});
  expect(serverOf(await keeper.ensure(API, NOW)).serverUuids).toEqual({0: 'the-uuid'});
});

describe('the key of backups', () => {
  const KEYS = 'Secret/backup-keys';

  test('is made once, and named by what it is', async () => {
    const {server, keeper, writes} = aKeeper();
    const id = await keeper.ensureBackupKey(API);
    expect(id).toMatch(/^generated-[0-9a-f]{12}$/);
    const stored = Buffer.from(server.objects.get(KEYS)?.data?.[id] ?? '', 'base64').toString();
    expect(Buffer.from(stored, 'base64')).toHaveLength(32);
    expect(await keeper.ensureBackupKey(API)).toBe(id);
    expect(writes()).toEqual([`create ${KEYS}`]);
    const other = aKeeper();
    expect(await other.keeper.ensureBackupKey(API)).not.toBe(id);
  });

  test('stays the one in use when a person adds another', async () => {
    const {server, keeper} = aKeeper();
    const id = await keeper.ensureBackupKey(API);
    const key = Buffer.alloc(32, 7).toString('base64');
    edit(server, 'backup-keys', {'a-first': key, 'not-a-key': 'x'});
    const using = (keyId: string): MaintenanceApi => ({...API, status: {backup: {keyId}}});
    expect(await keeper.ensureBackupKey(using(id))).toBe(id);
    expect(await keeper.ensureBackupKey(using('a-first'))).toBe('a-first');
    expect(await keeper.ensureBackupKey(using('gone'))).toBe('a-first');
  });

  test('is not replaced when it was damaged, and not made while the resource is paused', async () => {
    const {server, keeper} = aKeeper();
    await expect(keeper.ensureBackupKey(PAUSED)).rejects.toThrow(AbsentSecretError);
    const id = await keeper.ensureBackupKey(API);
    edit(server, 'backup-keys', {[id]: 'short'});
    await expect(keeper.ensureBackupKey(API)).rejects.toThrow(DamagedSecretError);
    expect(server.log.filter((line) => line.startsWith('create'))).toHaveLength(1);
  });
});
