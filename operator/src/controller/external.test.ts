import {describe, expect, test} from '@jest/globals';
import {labels, type MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {externalDatabase} from '../desired/testing/scenarios.ts';
import {Stage} from './testing-stage.ts';
import {anObject} from './testing.ts';

const SPEC: Partial<MaintenanceApiSpecInput> = {database: externalDatabase, replicas: 2};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function aStage(): Stage {
  const stage = new Stage(SPEC);
  stage.secrets = () => Promise.resolve({server: undefined, hashKey: 'key', version: '1'});
  const secret = (name: string, ...keys: string[]): void => {
    const data = Object.fromEntries(keys.map((key) => [key, base64(`${name} ${key}`)]));
    stage.server.objects.set(`Secret/${name}`, {apiVersion: 'v1', kind: 'Secret', metadata: {name}, data});
  };
  secret('repairs-app', 'username', 'password');
  secret('repairs-migrate', 'username', 'password');
  secret('databases-ca', 'ca.crt');
  return stage;
}

/** One pod, whose migration ended with a last word. */
function ends(stage: Stage, message: string): void {
  const {desired = ''} = stage.api?.status?.revisions ?? {};
  const metadata = {labels: {[labels.owner]: 'shop', [labels.component]: 'api', [labels.revision]: desired}};
  const status = {
    phase: 'Pending',
    initContainerStatuses: [{name: 'migrate', restartCount: 1, state: {terminated: {exitCode: 1, message}}}],
  };
  stage.server.objects.set('Pod/shop-1', anObject('shop-1', {status}, metadata));
}

const messageOf = (stage: Stage): string | undefined =>
  stage.api?.status?.conditions?.find(({type}) => type === 'DatabaseReady')?.message;

describe('a resource with an external database', () => {
  test('gets its children but no server, and no condition waits for one', async () => {
    const stage = aStage();
    await stage.settle();
    const applied = stage.applied.map(({object}) => `${object.kind}/${object.metadata.name}`);
    expect(applied).toContain('Deployment/shop');
    expect(applied.filter((name) => name.includes('mysql'))).toEqual([]);
    expect(stage.condition('DatabaseReady')).toBe('False DatabaseStarting');
    expect(stage.api?.status?.database).toEqual({state: 'Starting', maxConnections: 500});
  });

  test('says what its pods say, with the Secret by name and nothing of what is in it', async () => {
    const stage = aStage();
    await stage.settle();
    ends(stage, 'database: credentials');
    await stage.look();
    expect(stage.condition('DatabaseReady')).toBe('False DatabaseCredentialsRefused');
    expect(messageOf(stage)).toContain('Secret "repairs-migrate"');
    expect(stage.api?.status?.database?.state).toBe('Unreachable');
    expect(stage.events).toContain('DatabaseUnreachable');
    const told = JSON.stringify([stage.api?.status, stage.logger, stage.applied.map(({object}) => object)]);
    for (const value of ['repairs-app password', 'repairs-migrate password'])
      for (const form of [value, base64(value)]) expect(told).not.toContain(form);
  });

  test('reads Secrets again within a minute while an account is refused, and makes a revision of another user name', async () => {
    const stage = aStage();
    await stage.settle();
    const {desired} = stage.api?.status?.revisions ?? {};
    const renamed = {username: base64('another'), password: base64('p')};
    const secret = {apiVersion: 'v1', kind: 'Secret', metadata: {name: 'repairs-app'}, data: renamed};
    stage.server.objects.set('Secret/repairs-app', secret);
    await stage.lookFor(120_000);
    expect(stage.api?.status?.revisions?.desired).toBe(desired);
    ends(stage, 'database: credentials');
    await stage.lookFor(120_000);
    expect(stage.api?.status?.revisions?.desired).not.toBe(desired);
  });

  test('keeps what serves while a Secret is missing, and names it', async () => {
    const stage = aStage();
    stage.server.objects.delete('Secret/databases-ca');
    await stage.settle();
    expect(stage.condition('Ready')).toBe('False ReferenceMissing');
    expect(stage.applied).toEqual([]);
  });
});
