import {describe, expect, test} from '@jest/globals';
import * as fc from 'fast-check';
import {managedDatabase, type MaintenanceApiSpecInput} from '../api/v1alpha1/index.ts';
import {myCnf} from './mysql-config.ts';
import {maxConnections} from './scaling.ts';
import {aMaintenanceApi} from './testing/scenarios.ts';

type Input = Partial<MaintenanceApiSpecInput>;

function textOf(input: Input): string {
  const {spec} = aMaintenanceApi(input);
  const database = managedDatabase(spec);
  if (database === undefined) throw new Error('The database is external');
  return myCnf(spec, database);
}

const settings = (spec: Input): Record<string, string> =>
  Object.fromEntries(
    textOf(spec)
      .split('\n')
      .filter((line) => line.includes(' = '))
      .map((line) => line.split(' = ') as [string, string]),
  );

const sized = (memory: string, storage = '1Gi', replicas = 2): Input => ({
  replicas,
  database: {managed: {storage: {size: storage}, resources: {limits: {memory}}}},
});

describe('max_connections', () => {
  test.each<[string, Input, number]>([
    ['the default of at most 20 pods and 5 more in a rollout', {}, 280],
    ['a fixed number', {replicas: 3}, (3 + 1) * 10 + 30],
    ['other connections a pod', {replicas: 8, database: {connectionsPerReplica: 4}}, (8 + 2) * 4 + 30],
  ])('fits %s', (_, spec, expected) => {
    expect(maxConnections(aMaintenanceApi(spec).spec)).toBe(expected);
    expect(settings(spec)['max_connections']).toBe(String(expected));
  });
});

describe('sizes', () => {
  test.each([
    ['256Mi', '256Mi', {pool: '32M', instances: '1', redo: '32M', binlog: '8M'}],
    ['512Mi', '1Gi', {pool: '208M', instances: '1', redo: '128M', binlog: '32M'}],
    ['2Gi', '20Gi', {pool: '1248M', instances: '1', redo: '2560M', binlog: '640M'}],
    ['16Gi', '100Gi', {pool: '11904M', instances: '8', redo: '4096M', binlog: '1024M'}],
  ])('of a server with %s of memory on %s', (memory, storage, expected) => {
    const values = settings(sized(memory, storage));
    expect({
      pool: values['innodb_buffer_pool_size'],
      instances: values['innodb_buffer_pool_instances'],
      redo: values['innodb_redo_log_capacity'],
      binlog: values['max_binlog_size'],
    }).toEqual(expected);
  });

  test('fall back to the request, and then to 512Mi', () => {
    const pool = (resources: object): string | undefined =>
      settings({replicas: 2, database: {managed: {resources}}})['innodb_buffer_pool_size'];
    expect(pool({requests: {memory: '2Gi'}})).toBe('1248M');
    expect(pool({})).toBe(settings(sized('512Mi'))['innodb_buffer_pool_size']);
  });

  test('keep the buffer pool a multiple of its steps, and within the memory', () => {
    fc.assert(
      fc.property(fc.integer({min: 512, max: 65536}), fc.integer({min: 1, max: 30}), (mebibytes, replicas) => {
        const values = settings(sized(`${mebibytes}Mi`, '1Gi', replicas));
        const pool = Number.parseInt(values['innodb_buffer_pool_size'] ?? '', 10);
        expect(pool % (16 * Number(values['innodb_buffer_pool_instances']))).toBe(0);
        expect(pool).toBeGreaterThanOrEqual(32);
        expect(pool).toBeLessThan(Math.max(mebibytes * 0.75, 33));
      }),
    );
  });
});

test('no two settings have one name', () => {
  const names = textOf({})
    .split('\n')
    .flatMap((line) => (line.includes(' = ') ? [line.split(' = ')[0]] : []));
  expect(new Set(names).size).toBe(names.length);
});
