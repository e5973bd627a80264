import {describe, expect, test} from '@jest/globals';
import {labels} from '../api/v1alpha1/index.ts';
import {databaseRoles} from './names.ts';
import {
  apiTokensSecret,
  authoritySecret,
  backupKeysSecret,
  databaseStateSecret,
  GeneratedValueError,
  roleSecret,
  serverTlsSecret,
  type SecretObject,
} from './secrets.ts';
import {aMaintenanceApi} from './testing/scenarios.ts';

const api = aMaintenanceApi();
const password = 'Abcdefghij0123456789';
const pair = {certificate: 'CERTIFICATE', privateKey: 'KEY'};

const decoded = ({data}: SecretObject): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));

describe('retained Secrets', () => {
  test.each<[string, SecretObject]>([
    ['account', roleSecret(api, 'app', password)],
    ['authority', authoritySecret(api, pair)],
    ['state', databaseStateSecret(api, new Map([[0, 'uuid']]))],
  ])('%s has no owner, no instance, and is not pruned', (_, secret) => {
    expect(secret.metadata).not.toHaveProperty('ownerReferences');
    expect(secret.metadata.labels).not.toHaveProperty([labels.instance]);
    expect(secret.metadata.labels).toMatchObject({[labels.owner]: 'shop', [labels.component]: 'database'});
    expect(secret.metadata.annotations).toEqual({'argocd.argoproj.io/sync-options': 'Prune=false'});
  });
});

describe('the key of backups', () => {
  const keys = new Map([['generated-1', Buffer.alloc(32, 1)]]);

  test.each(['Retain', 'Delete'] as const)(
    'stays with the backups that only it opens, under the policy %s',
    (policy) => {
      const secret = backupKeysSecret(aMaintenanceApi({deletionPolicy: policy}), keys);
      expect(secret.metadata).not.toHaveProperty('ownerReferences');
      expect(secret.metadata.annotations).toEqual({'argocd.argoproj.io/sync-options': 'Prune=false'});
      expect(secret.metadata.labels).not.toHaveProperty([labels.instance]);
      expect(decoded(secret)).toEqual({'generated-1': Buffer.alloc(32, 1).toString('base64')});
    },
  );

  test('has 32 bytes', () => {
    expect(() => backupKeysSecret(api, new Map([['a', Buffer.alloc(31)]]))).toThrow(GeneratedValueError);
  });
});

describe('owned Secrets', () => {
  test.each<[string, SecretObject]>([
    ['certificate', serverTlsSecret(api, 'AUTHORITY', pair)],
    ['tokens', apiTokensSecret(api, [{name: 'demo', token: 'abcdefgh01234567'}])],
  ])('%s goes with its resource', (_, secret) => {
    expect(secret.metadata).toMatchObject({
      ownerReferences: [{uid: api.metadata.uid}],
      labels: {[labels.instance]: 'shop'},
    });
    expect(secret.metadata).not.toHaveProperty('annotations');
  });
});

describe('contents', () => {
  test('of an account are its name and password', () => {
    for (const role of databaseRoles)
      expect(decoded(roleSecret(api, role, password))).toEqual({username: role, password});
  });

  test('of the state are server UUIDs by ordinal', () => {
    expect(
      decoded(
        databaseStateSecret(
          api,
          new Map([
            [0, 'a'],
            [2, 'b'],
          ]),
        ),
      ),
    ).toEqual({'server-uuid-0': 'a', 'server-uuid-2': 'b'});
  });

  test('of the certificates are those that kubernetes.io/tls asks for', () => {
    expect(decoded(authoritySecret(api, pair))).toEqual({'tls.crt': 'CERTIFICATE', 'tls.key': 'KEY'});
    expect(decoded(serverTlsSecret(api, 'AUTHORITY', pair))).toEqual({
      'ca.crt': 'AUTHORITY',
      'tls.crt': 'CERTIFICATE',
      'tls.key': 'KEY',
    });
  });

  test('of the tokens are a line each', () => {
    const tokens = [
      {name: 'a', token: 'abcdefgh01234567'},
      {name: 'b', token: 'ABCDEFGH01234567='},
    ];
    expect(decoded(apiTokensSecret(api, tokens))).toEqual({tokens: 'a:abcdefgh01234567\nb:ABCDEFGH01234567=\n'});
  });
});

describe('values that are refused, and not quoted', () => {
  test.each(["it's'; DROP USER root; --", 'short', '', 'Abcdefghij012345678\n'])('password %j', (value) => {
    expect(() => roleSecret(api, 'app', value)).toThrow(GeneratedValueError);
    expect(() => roleSecret(api, 'app', value)).toThrow(/^The password of app must be at least 16 letters and digits$/);
  });

  test.each([
    [[]],
    [[{name: 'a', token: 'short'}]],
    [[{name: 'a:b', token: 'abcdefgh01234567'}]],
    [[{name: 'a', token: 'abcdefgh01234567\nb:x'}]],
  ])('tokens %j', (tokens) => {
    expect(() => apiTokensSecret(api, tokens)).toThrow(GeneratedValueError);
  });
});
