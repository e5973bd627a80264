import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {deploymentPatches} from '../harness/audit.ts';
import {isBad} from '../harness/ledger.ts';
import {World} from '../harness/world.ts';
import {serveUnderLoad} from './served.ts';

/* A good release whose database stops answering must not be rolled back: no revision serves without its database. */
const WHERE = {namespace: 'database-down', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
let world: World;

beforeAll(async () => {
  world = await World.join('e2e');
  const two = {autoscaling: {minReplicas: 2, maxReplicas: 2}};
  await serveUnderLoad(world, WHERE, two, {rate: 20, seconds: 240, writes: 0});
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

describe('a database that stops answering while a good release bakes', () => {
  test(
    'is named, nothing is rolled back, and the release goes on when it answers again',
    async () => {
      const before = (await world.audit(deploymentPatches(WHERE.namespace, WHERE.name))).length;
      await world.patchSpec(WHERE, {env: [{name: 'RELEASE', value: 'next'}]});
      await world.waitApi(
        WHERE,
        'the new revision is rolled out',
        ({status}) =>
          status?.revisions?.rolledOutAt !== undefined &&
          status.revisions.serving === status.revisions.desired &&
          status.revisions.serving !== status.revisions.lastKnownGood,
        TIMEOUT_MS,
      );
      await world.signalContainer(WHERE.namespace, `${WHERE.name}-mysql-0`, 'mysqld', 'SIGSTOP');
      try {
        const down = await world.waitApi(
          WHERE,
          'DatabaseDown is the verdict',
          ({status}) => status?.remediation?.lastDecision?.verdict === 'DatabaseDown',
          120_000,
        );
        expect(down.status?.remediation?.action).toBeUndefined();
        expect(
          down.status?.remediation?.lastDecision?.considered.map(({action, taken}) => [action, taken]),
        ).toContainEqual(['Hold', true]);
      } finally {
        await world.signalContainer(WHERE.namespace, `${WHERE.name}-mysql-0`, 'mysqld', 'SIGCONT');
      }
      const back = await world.waitApi(
        WHERE,
        'Ready again',
        (api) => api.status?.conditions?.find(({type}) => type === 'DatabaseReady')?.status === 'True',
        120_000,
      );
      expect(back.status?.revisions?.suspended ?? []).toEqual([]);
      const ledger = await world.ledger(WHERE.namespace, 'steady');
      // The outage was real: clients saw it.
      expect(ledger.filter(isBad).length).toBeGreaterThan(10);
      const after = await world.audit(deploymentPatches(WHERE.namespace, WHERE.name));
      expect(after).toHaveLength(before + 1);
    },
    2 * TIMEOUT_MS,
  );
});
