import {expect, test} from '@jest/globals';
import {Metrics} from '../../api-server/src/metrics.ts';
import {readPodMetrics} from '../../operator/src/observe/pod-metrics.ts';

/* Neither side imports the other: this is where the names that they agreed on meet. */
test('what the operator reads of a pod is what the API exposes', async () => {
  const metrics = new Metrics({version: '1.2.3', poolStates: () => ({idle: 1, used: 2, connecting: 3, pending: 4})});
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
    migrations: [
      {version: 1, previousCanRead: true},
      {version: 2, previousCanRead: false},
    ],
  });
});
