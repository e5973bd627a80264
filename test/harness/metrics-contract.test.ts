import {expect, test} from '@jest/globals';
import * as z from 'zod';
import {parseServeConfig, type Environment} from '../../api-server/src/config.ts';
import {causes, type Cause} from '../../api-server/src/database/cause.ts';
import {Metrics} from '../../api-server/src/metrics.ts';
import {database} from '../../operator/src/api/v1alpha1/database.ts';
import {readPodMetrics} from '../../operator/src/observe/pod-metrics.ts';

/* Neither side imports the other: this is where the names and bounds that they agreed on meet. */
test('the API starts with the least connections that a spec may give it', () => {
  const least = z.toJSONSchema(database, {io: 'input'}).properties?.['connectionsPerReplica'];
  const {minimum} = least as {minimum: number};
  const environment = (connections: number): Environment => ({
    ...{DB_HOST: 'db', DB_USER: 'app', DB_PASSWORD_FILE: '/p', DB_NAME: 'tasks_db', API_TOKENS_FILE: '/t'},
    DB_POOL_SIZE: String(connections),
  });
  expect(parseServeConfig(environment(minimum)).connections).toBe(minimum);
  expect(() => parseServeConfig(environment(minimum - 1))).toThrow('DB_POOL_SIZE');
});

test('what the operator reads of a pod is what the API exposes', async () => {
  let databaseFailure: Cause | undefined;
  let readOnly = false;
  const metrics = new Metrics({
    version: '1.2.3',
    poolStates: () => ({idle: 1, used: 2, connecting: 3, pending: 4}),
    databaseFailure: () => databaseFailure,
    readOnly: () => readOnly,
  });
  const answer = (method: string, status: number, seconds: number): void =>
    metrics.countRequest({method, route: '/api/v1/tasks', status}, seconds);
  answer('GET', 200, 0.01);
  answer('GET', 200, 0.7);
  answer('GET', 404, 0.01);
  answer('POST', 500, 0.01);
  metrics.setMigrations([
    {version: 1, previousCanRead: true},
    {version: 2, previousCanRead: false},
  ]);
  expect(readPodMetrics(await metrics.page(), 500)).toEqual({
    ...{valid: 3, bad: 1, total: 4, fast: 2, latencyThresholdMs: 500},
    poolWaiting: 4,
    residentBytes: expect.any(Number),
    cpuSeconds: expect.any(Number),
    failing: undefined,
    readOnly: false,
    migrations: [
      {version: 1, previousCanRead: true},
      {version: 2, previousCanRead: false},
    ],
  });
  for (databaseFailure of causes) {
    expect(readPodMetrics(await metrics.page(), 500)?.failing).toBe(`database: ${databaseFailure}`);
  }
  // What read-only mode refuses is no service that failed, and says so itself.
  readOnly = true;
  for (let i = 0; i < 100; i++) answer('POST', 423, 0.001);
  expect(readPodMetrics(await metrics.page(), 500)).toMatchObject({valid: 3, bad: 1, fast: 2, readOnly: true});
});
