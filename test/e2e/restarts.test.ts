import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {deploymentPatches, evictionsIn, type AuditEvent} from '../harness/audit.ts';
import {isBad} from '../harness/ledger.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';
import {serveUnderLoad} from './served.ts';

/* One pod that hangs is replaced; pods that are not ready because their database hangs are left alone. */
const WHERE = {namespace: 'restarts', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
let world: World;

interface Pod {
  metadata: {name: string};
  status: {conditions: {type: string; status: string; lastTransitionTime: string}[]};
}

const apiPods = (): Promise<Pod[]> => world.list<Pod>('pods', WHERE.namespace, 'app.kubernetes.io/component=api');
const evictions = (): Promise<AuditEvent[]> => world.audit(evictionsIn(WHERE.namespace));
const patches = (): Promise<AuditEvent[]> => world.audit(deploymentPatches(WHERE.namespace, WHERE.name));

beforeAll(async () => {
  world = await World.join('e2e');
  const spec = {image: world.images.latching.ref, autoscaling: {minReplicas: 2, maxReplicas: 2}};
  await serveUnderLoad(world, WHERE, spec, {rate: 20, seconds: 300, writes: 0.1});
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

describe('a pod that lives and is not ready any more', () => {
  test(
    'is evicted once, the service goes on answering, and status says why',
    async () => {
      const before = {patches: (await patches()).length, pods: (await apiPods()).map(({metadata}) => metadata.name)};
      const [victim = ''] = before.pods;
      const since = Date.now();
      await world.signalContainer(WHERE.namespace, victim, 'api', 'SIGWINCH');
      const ended = await world.waitApi(
        WHERE,
        'a restart ended',
        ({status}) => status?.remediation?.recentActions?.[0] !== undefined,
        TIMEOUT_MS,
      );
      const [action, ...others] = ended.status?.remediation?.recentActions ?? [];
      expect(others).toEqual([]);
      expect(action).toMatchObject({kind: 'Restart', verdict: 'Hung', outcome: 'Helped', targetName: victim});
      expect(action?.message).toContain(`Pod ${victim} was Ready, and is not since`);
      const asked = (await evictions()).map(({objectRef, responseStatus}) => [objectRef?.name, responseStatus?.code]);
      expect(asked).toEqual([[victim, 201]]);
      const after = (await apiPods()).map(({metadata}) => metadata.name);
      expect(after).not.toContain(victim);
      expect(after).toContain(before.pods[1]);
      // Nothing was rolled out or back.
      expect(await patches()).toHaveLength(before.patches);
      const ledger = (await world.ledger(WHERE.namespace, 'steady')).filter(({t}) => t > since);
      expect(ledger.length).toBeGreaterThan(500);
      expect(ledger.filter(isBad).length).toBeLessThan(ledger.length / 100);
    },
    TIMEOUT_MS,
  );

  test(
    'because its database hangs is left alone',
    async () => {
      const before = {patches: (await patches()).length, evictions: (await evictions()).length};
      await world.signalContainer(WHERE.namespace, `${WHERE.name}-mysql-0`, 'mysqld', 'SIGSTOP');
      try {
        await waitFor(
          'every pod of the API is not ready for longer than one that hangs may be',
          async () => {
            const ready = (await apiPods()).map(({status}) => status.conditions.find(({type}) => type === 'Ready'));
            const long = ready.every(
              (condition) =>
                condition?.status === 'False' && Date.now() - Date.parse(condition.lastTransitionTime) > 35_000,
            );
            if (long) return true;
            throw new Error(JSON.stringify(ready));
          },
          120_000,
        );
        const down = await world.api(WHERE.namespace, WHERE.name);
        expect(down.status?.remediation?.lastDecision).toMatchObject({verdict: 'DatabaseDown'});
        expect(
          down.status?.remediation?.lastDecision?.considered.map(({action, taken}) => [action, taken]),
        ).toContainEqual(['Restart', false]);
      } finally {
        await world.signalContainer(WHERE.namespace, `${WHERE.name}-mysql-0`, 'mysqld', 'SIGCONT');
      }
      await world.waitApi(
        WHERE,
        'the database answers and every pod is ready again',
        ({status}) => status?.database?.state === 'Ready' && status.replicas?.ready === status.replicas?.wanted,
        TIMEOUT_MS,
      );
      expect(await evictions()).toHaveLength(before.evictions);
      expect(await patches()).toHaveLength(before.patches);
    },
    TIMEOUT_MS,
  );
});
