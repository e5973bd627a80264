import {describe, expect, test} from '@jest/globals';
import {
  API_VERSION,
  maintenanceApiSpec,
  type MaintenanceApi,
  type MaintenanceApiSpecInput,
} from '../api/v1alpha1/index.ts';
import {ApiError, type ResourceRef} from '../runtime/index.ts';
import {describeMissing, readBackupReferences, readReferences, referencesOf} from './references.ts';

type Variable = NonNullable<MaintenanceApiSpecInput['env']>[number];

const fromSecret = (name: string, key: string): Variable => ({
  name: `S_${key.toUpperCase()}`,
  valueFrom: {secretKeyRef: {name, key}},
});
const fromConfigMap = (name: string, key: string): Variable => ({
  name: `C_${key.toUpperCase()}`,
  valueFrom: {configMapKeyRef: {name, key}},
});

function anApi(...env: Variable[]): MaintenanceApi {
  return {
    apiVersion: API_VERSION,
    kind: 'MaintenanceApi',
    metadata: {
      ...{name: 'shop', namespace: 'apis', uid: 'u', resourceVersion: '1', generation: 1},
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: maintenanceApiSpec.parse({image: 'registry.example.com/api:1', env}),
  };
}

/** A server with these objects, `Kind/name` → data in plain text; what is read is remembered. */
function aServer(objects: Record<string, Record<string, string>>) {
  const read: string[] = [];
  return {
    read,
    get: async <T>(ref: ResourceRef, namespace: string | undefined, name: string): Promise<T | undefined> => {
      read.push(`${namespace ?? ''} ${ref.kind}/${name}`);
      const data = objects[`${ref.kind}/${name}`];
      return data === undefined ? undefined : ({metadata: {name}, data} as T);
    },
  };
}

describe('what a spec refers to', () => {
  test('is one entry an object, a Secret and a ConfigMap of one name apart', () => {
    const api = anApi({name: 'PLAIN', value: '1'}, fromSecret('a', 'x'), fromSecret('a', 'y'), fromConfigMap('a', 'x'));
    expect(referencesOf(api)).toEqual([
      {kind: 'Secret', name: 'a', keys: new Set(['x', 'y']), mounted: new Set()},
      {kind: 'ConfigMap', name: 'a', keys: new Set(['x']), mounted: new Set()},
    ]);
    expect(referencesOf(anApi())).toEqual([]);
  });

  test('is read by name, once each, in its own namespace', async () => {
    const server = aServer({'Secret/a': {x: '1', y: '2'}, 'ConfigMap/b': {z: '3'}});
    await readReferences(server, anApi(fromSecret('a', 'x'), fromSecret('a', 'y'), fromConfigMap('b', 'z')), 'key');
    expect(server.read.sort()).toEqual(['apis ConfigMap/b', 'apis Secret/a']);
  });
});

describe('an external database', () => {
  const external = {
    ...{host: 'db.example.com', maxConnections: 280, tlsSecretRef: {name: 'ca'}},
    ...{credentialsSecretRef: {name: 'app'}, migrateCredentialsSecretRef: {name: 'migrate'}},
  };
  const api = (): MaintenanceApi => {
    const {spec, ...rest} = anApi();
    return {...rest, spec: maintenanceApiSpec.parse({...spec, database: {external}})};
  };
  const account = {username: 'u', password: 'p'};
  const there = {'Secret/app': account, 'Secret/migrate': account, 'Secret/ca': {'ca.crt': 'pem'}};
  const read = (objects: Record<string, Record<string, string>>) => readReferences(aServer(objects), api(), 'key');

  test('makes a revision of what its accounts are called, which a pod reads once, and of nothing that it reads anew', async () => {
    const before = await read(there);
    expect(before.missing).toEqual([]);
    expect(Object.keys(before.hashes).sort()).toEqual(['Secret/app', 'Secret/migrate']);
    const rotated = {...there, 'Secret/app': {...account, password: 'new'}, 'Secret/ca': {'ca.crt': 'another'}};
    expect(await read(rotated)).toEqual(before);
    const renamed = await read({...there, 'Secret/app': {...account, username: 'new'}});
    expect(renamed.hashes['Secret/app']).not.toBe(before.hashes['Secret/app']);
    expect(renamed.hashes['Secret/migrate']).toBe(before.hashes['Secret/migrate']);
  });

  test('names each Secret, and each key of one, that pods would wait for', async () => {
    const {missing} = await read({'Secret/app': {username: 'u'}, 'Secret/ca': {}});
    expect(describeMissing(missing)).toBe(
      'Secret "app" has no key "password"; Secret "ca" has no key "ca.crt"; Secret "migrate" does not exist',
    );
  });
});

describe('its hashes', () => {
  const hashOf = async (data: Record<string, string>, key = 'key', ...env: Variable[]): Promise<string | undefined> => {
    const api = anApi(...(env.length > 0 ? env : [fromSecret('a', 'x'), fromSecret('a', 'y')]));
    return (await readReferences(aServer({'Secret/a': data}), api, key)).hashes['Secret/a'];
  };

  test('tell any change of what is referred to, and of nothing else', async () => {
    const before = await hashOf({x: '1', y: '2'});
    expect(before).toMatch(/^[0-9a-f]{32}$/);
    expect(await hashOf({x: '1', y: '2', other: 'changed'})).toBe(before);
    expect(await hashOf({x: '1', y: '3'})).not.toBe(before);
    expect(await hashOf({x: '2', y: '1'})).not.toBe(before);
  });

  test('do not depend on the order of variables or keys', async () => {
    const there = await hashOf({x: '1', y: '2'}, 'key', fromSecret('a', 'x'), fromSecret('a', 'y'));
    const back = await hashOf({y: '2', x: '1'}, 'key', fromSecret('a', 'y'), fromSecret('a', 'x'));
    expect(there).toBe(back);
  });

  test('are keyed, so that weak values can not be tried out', async () => {
    expect(await hashOf({x: '1', y: '2'}, 'one')).not.toBe(await hashOf({x: '1', y: '2'}, 'two'));
  });

  test('can not be confused by where a value ends', async () => {
    const env = [fromSecret('a', 'x'), fromSecret('a', 'y')];
    expect(await hashOf({x: '1\0y\0', y: ''}, 'key', ...env)).not.toBe(
      await hashOf({x: '1', y: '\0y\0'}, 'key', ...env),
    );
    expect(await hashOf({x: '', y: '1'})).not.toBe(await hashOf({x: '1', y: ''}));
  });
});

describe('what is missing', () => {
  test('is named: the object, or the key that it lacks, in a stable order', async () => {
    const api = anApi(fromSecret('gone', 'x'), fromConfigMap('b', 'z'), fromConfigMap('b', 'a'), fromSecret('b', 'x'));
    const {missing, hashes} = await readReferences(aServer({'ConfigMap/b': {}}), api, 'key');
    expect(describeMissing(missing)).toBe(
      'ConfigMap "b" has no key "a"; ConfigMap "b" has no key "z"; Secret "b" does not exist; Secret "gone" does not exist',
    );
    expect(Object.keys(hashes)).toEqual(['ConfigMap/b']);
    const back = anApi(fromSecret('b', 'x'), fromConfigMap('b', 'a'), fromConfigMap('b', 'z'), fromSecret('gone', 'x'));
    expect((await readReferences(aServer({'ConfigMap/b': {}}), back, 'key')).missing).toEqual(missing);
  });

  test('is not what may not be read', async () => {
    const error = new ApiError('403', {kind: 'Forbidden', status: 403, reason: 'Forbidden'});
    const server = {get: () => Promise.reject(error)};
    await expect(readReferences(server, anApi(fromSecret('a', 'x')), 'key')).rejects.toBe(error);
  });
});

describe('what backups need', () => {
  const backedUp = (backup: object = {}): MaintenanceApi => {
    const destination = {s3: {bucket: 'backups', credentialsSecretRef: {name: 'storage'}, caSecretRef: {name: 'ca'}}};
    const api = anApi();
    return {...api, spec: maintenanceApiSpec.parse({image: 'a:1', backup: {destination, ...backup}})};
  };
  const own = {encryption: {keysSecretRef: {name: 'keys'}, activeKey: 'k2'}};

  test('is read with every key that its pod mounts', async () => {
    const server = aServer({'Secret/storage': {accessKeyId: 'a'}, 'Secret/keys': {k1: 'x'}});
    expect(describeMissing(await readBackupReferences(server, backedUp(own)))).toBe(
      'Secret "storage" has no key "secretAccessKey"; Secret "ca" does not exist; Secret "keys" has no key "k2"',
    );
    expect(server.read).toHaveLength(3);
  });

  test('is all there, or not asked for', async () => {
    const all = {
      ...{'Secret/storage': {accessKeyId: 'a', secretAccessKey: 'b'}, 'Secret/ca': {'ca.crt': 'c'}},
      'Secret/keys': {k2: 'x'},
    };
    expect(await readBackupReferences(aServer(all), backedUp(own))).toEqual([]);
    const server = aServer({});
    expect(await readBackupReferences(server, anApi())).toEqual([]);
    expect(server.read).toEqual([]);
  });
});
