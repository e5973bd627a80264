import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {byOperator, deploymentPatches, evictionsIn, isWrite} from '../harness/audit.ts';
import {isBad} from '../harness/ledger.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';
import {waitReplicas, type Autoscaler as Observed} from './api-service.ts';
import {serveUnderLoad} from './served.ts';

/*
 * Many times the requests of before come to a good release whose pods may use no more CPU than they request. The operator
 * asks the autoscaler for more pods before that has watched for long enough, for a while; it restarts and rolls back
 * nothing. How that ends takes half an hour: test/integration/operator/scale-up.test.ts plays it.
 */
const WHERE = {namespace: 'overload', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
const HALF_AN_HOUR_MS = 1_800_000;
/** So long the load must have been known before it can be said to have grown. */
const BASELINE_MS = 120_000;
/** Requests a second come by so many clients, each of which sends as many as one may. */
const CLIENTS = ['storm-1', 'storm-2'] as const;
let world: World;

interface Autoscaler extends Observed {
  readonly spec: {readonly minReplicas: number};
}

const floor = async (): Promise<number | undefined> =>
  (await world.get<Autoscaler>('horizontalpodautoscaler', WHERE.name, WHERE.namespace))?.spec.minReplicas;
const patches = async (): Promise<number> => (await world.audit(deploymentPatches(WHERE.namespace, WHERE.name))).length;

beforeAll(async () => {
  world = await World.join('e2e');
  const cpu = '100m';
  const spec = {
    autoscaling: {minReplicas: 2, maxReplicas: 4},
    resources: {requests: {cpu, memory: '128Mi'}, limits: {cpu, memory: '128Mi'}},
    // What is too much is refused at once, and not queued until probes fail as well.
    env: [{name: 'MAX_REQUESTS_IN_FLIGHT', value: '10'}],
  };
  await serveUnderLoad(world, WHERE, spec, {rate: 10, seconds: 900, writes: 0.1});
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

test(
  'load beyond what its pods can take raises the least number of pods, until a told time, and nothing else is done',
  async () => {
    const good = (await world.api(WHERE.namespace, WHERE.name)).status?.revisions?.lastKnownGood;
    const before = await patches();
    const [first] = await world.ledger(WHERE.namespace, 'steady');
    await waitFor(
      'its load is known',
      () => Promise.resolve(Date.now() - (first?.t ?? Date.now()) > BASELINE_MS || undefined),
      2 * BASELINE_MS,
      5_000,
    );
    const since = Date.now();
    await Promise.all(
      CLIENTS.map(async (name) => world.startLoad(WHERE, {name, rate: 200, seconds: 600, writes: 0.1})),
    );
    const raised = await world.waitApi(
      WHERE,
      'the floor is raised',
      ({status}) => status?.replicas?.floor !== undefined,
      TIMEOUT_MS,
    );
    const action = raised.status?.remediation?.action;
    await world.evidence('overload.json', {action, decision: raised.status?.remediation?.lastDecision});
    expect(action).toMatchObject({kind: 'ScaleUp', verdict: 'Overload', minReplicas: 3});
    if (action?.kind !== 'ScaleUp') throw new Error('no ScaleUp is under way');
    expect(Date.parse(action.expiresAt ?? '') - Date.parse(action.recordedAt)).toBe(HALF_AN_HOUR_MS);
    await waitFor('the autoscaler has it', async () => (await floor()) === 3 || undefined, TIMEOUT_MS);
    await waitReplicas(world, WHERE, 'three pods', (ready) => ready >= 3, TIMEOUT_MS);
    // What clients saw was no false alarm.
    const seen = (await world.ledger(WHERE.namespace, CLIENTS[0])).filter(({t}) => t > since);
    expect(seen.filter(isBad).length).toBeGreaterThan(seen.length / 100);

    // By the API server: the operator wrote the autoscaler once; nothing was rolled out, and no pod touched.
    const {namespace, name} = WHERE;
    const ours = await world.audit(
      (event) =>
        byOperator(event) &&
        isWrite(event) &&
        event.objectRef?.namespace === namespace &&
        event.objectRef.resource === 'horizontalpodautoscalers' &&
        Date.parse(event.requestReceivedTimestamp) > since,
    );
    expect(ours.map(({verb, responseStatus}) => [verb, responseStatus?.code])).toEqual([['patch', 200]]);
    expect(await patches()).toBe(before);
    expect(await world.audit(evictionsIn(namespace))).toEqual([]);
    expect((await world.api(namespace, name)).status?.revisions?.serving).toBe(good);
  },
  4 * TIMEOUT_MS,
);
