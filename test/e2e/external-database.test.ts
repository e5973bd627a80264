import {randomBytes} from 'node:crypto';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import type {MaintenanceApi} from '../../operator/src/api/v1alpha1/index.ts';
import {startClusterMysql, type ClusterMysql} from '../harness/cluster-mysql.ts';
import {findSecrets} from '../harness/secrets.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';
import {askInPod, type ApiPod} from './api-service.ts';

/*
 * A database that somebody else runs, in another namespace: used over verified TLS by accounts of its owner, told of by the
 * pods, and followed when a password is changed.
 */
const WHERE = {namespace: 'external-database', name: 'tasks'} as const;
const OWNER = 'external-database-owner';
const SCHEMA = 'repairs';
const TIMEOUT_MS = 300_000;
const newPassword = (): string => randomBytes(16).toString('hex');

let world: World;
let mysql: ClusterMysql;

interface Pod extends ApiPod {
  readonly metadata: ApiPod['metadata'] & {readonly uid: string};
}

const apiPods = (): Promise<Pod[]> => world.list<Pod>('pods', WHERE.namespace, 'app.kubernetes.io/component=api');
const uidsAndRestarts = async (): Promise<unknown[]> =>
  (await apiPods())
    .map(({metadata, status}) => [metadata.uid, status.containerStatuses?.map(({restartCount}) => restartCount)])
    .sort();

const secret = (name: string, stringData: Record<string, string>): object => ({
  ...{apiVersion: 'v1', kind: 'Secret', metadata: {name, namespace: WHERE.namespace}},
  stringData,
});

const databaseReady = ({status}: MaintenanceApi): string => {
  const found = status?.conditions?.find(({type}) => type === 'DatabaseReady');
  return `${found?.status ?? ''} ${found?.reason ?? ''}: ${found?.message ?? ''}`;
};

beforeAll(async () => {
  world = await World.join('e2e');
  for (const namespace of [WHERE.namespace, OWNER]) await world.createNamespace(namespace);
  const [app, migrate] = [newPassword(), newPassword()];
  mysql = await startClusterMysql(world, OWNER, [
    `CREATE DATABASE ${SCHEMA}`,
    `CREATE USER 'repairs_app'@'%' IDENTIFIED BY '${app}'`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${SCHEMA}.* TO 'repairs_app'@'%'`,
    `CREATE USER 'repairs_ddl'@'%' IDENTIFIED BY '${migrate}'`,
    `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON ${SCHEMA}.* TO 'repairs_ddl'@'%'`,
  ]);
  const external = {
    ...{host: mysql.host, maxConnections: 60, clientImage: world.images.mysql.ref},
    ...{credentialsSecretRef: {name: 'repairs-app'}, migrateCredentialsSecretRef: {name: 'repairs-ddl'}},
    tlsSecretRef: {name: 'repairs-ca'},
  };
  await world.apply(
    secret('repairs-app', {username: 'repairs_app', password: app}),
    secret('repairs-ddl', {username: 'repairs_ddl', password: migrate}),
    secret('repairs-ca', {'ca.crt': mysql.authority}),
    world.maintenanceApi(WHERE.namespace, WHERE.name, {
      database: {name: SCHEMA, external},
      autoscaling: {minReplicas: 2, maxReplicas: 2},
    }),
  );
  await world.waitReady(WHERE, TIMEOUT_MS);
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await world.kubectl(['delete', 'namespace', OWNER, '--wait=false']);
  await world.leave(WHERE.namespace);
}, 60_000);

describe('a service with an external database', () => {
  test(
    'keeps its tasks there, where its owner reads and changes them, and has no server of its own',
    async () => {
      const made = await askInPod(world, WHERE, {
        method: 'POST',
        path: '/api/v1/tasks',
        body: {title: 'Mend the roof'},
      });
      expect(made.status).toBe(201);
      const {id} = made.body as {id: string};
      expect(await mysql.sql(`SELECT title FROM ${SCHEMA}.tasks`)).toEqual(['Mend the roof']);
      await mysql.sql(`UPDATE ${SCHEMA}.tasks SET title = 'Mended by its owner'`);
      const read = await askInPod(world, WHERE, {method: 'GET', path: `/api/v1/tasks/${id}`});
      expect([read.status, read.body]).toEqual([200, expect.objectContaining({title: 'Mended by its owner'})]);
      for (const kind of ['statefulsets', 'persistentvolumeclaims'])
        expect(await world.list(kind, WHERE.namespace)).toEqual([]);
      // Everything goes over TLS: the server refuses what does not.
      const [encrypted] = await mysql.sql(
        "SELECT COUNT(*) > 0 FROM performance_schema.threads WHERE PROCESSLIST_USER = 'repairs_app' AND CONNECTION_TYPE = 'SSL/TLS'",
      );
      expect(encrypted).toBe('1');
    },
    TIMEOUT_MS,
  );

  test(
    'says which Secret has a password that the server refuses, and goes on by itself when it has the right one',
    async () => {
      const before = await uidsAndRestarts();
      const next = newPassword();
      await mysql.sql(`ALTER USER 'repairs_app'@'%' IDENTIFIED BY '${next}'`);
      const sessions = await mysql.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'repairs_app'");
      // One that ended meanwhile can't be ended.
      for (const id of sessions) await mysql.sql(`KILL ${id}`).catch(() => undefined);
      const refused = await world.waitApi(
        WHERE,
        'the Secret is named',
        (api) => databaseReady(api).startsWith('False DatabaseCredentialsRefused'),
        TIMEOUT_MS,
      );
      expect(databaseReady(refused)).toContain('Secret "repairs-app"');
      expect(refused.status?.remediation?.action).toBeUndefined();
      await world.apply(secret('repairs-app', {username: 'repairs_app', password: next}));
      await world.waitReady(WHERE, TIMEOUT_MS);
      const made = await waitFor(
        'a task is written again',
        async () => {
          const answer = await askInPod(world, WHERE, {method: 'POST', path: '/api/v1/tasks', body: {title: 'again'}});
          return answer.status === 201 ? answer.status : undefined;
        },
        TIMEOUT_MS,
      );
      expect(made).toBe(201);
      // The file was read anew: nothing was restarted for it, and nothing else was done.
      expect(await uidsAndRestarts()).toEqual(before);
      expect((await world.api(WHERE.namespace, WHERE.name)).status?.remediation?.recentActions ?? []).toEqual([]);
      expect(await findSecrets(world, [WHERE.namespace])).toEqual([]);
    },
    2 * TIMEOUT_MS,
  );

  test(
    'refuses writes while read-only mode is on and says so, serves reads, and replaces no pod for it',
    async () => {
      const before = await uidsAndRestarts();
      const writes = () => askInPod(world, WHERE, {method: 'POST', path: '/api/v1/tasks', body: {title: 'meanwhile'}});
      const readOnly = (status: string) => (api: MaintenanceApi) =>
        api.status?.conditions?.find(({type}) => type === 'ReadOnly')?.status === status;
      const titles = () => mysql.sql(`SELECT COUNT(*) FROM ${SCHEMA}.tasks`);
      await world.patchSpec(WHERE, {maintenance: {readOnly: true}});
      await world.waitApi(WHERE, 'every pod refuses writes', readOnly('True'), TIMEOUT_MS);
      const had = await titles();
      const refused = await writes();
      expect(refused).toMatchObject({status: 503, retryAfter: '30', body: {code: 'read-only'}});
      expect((await askInPod(world, WHERE, {method: 'GET', path: '/api/v1/tasks'})).status).toBe(200);
      expect(await titles()).toEqual(had);
      await world.patchSpec(WHERE, {maintenance: {readOnly: false}});
      await world.waitApi(WHERE, 'every pod takes writes', readOnly('False'), TIMEOUT_MS);
      expect((await writes()).status).toBe(201);
      expect(await uidsAndRestarts()).toEqual(before);
    },
    2 * TIMEOUT_MS,
  );
});
