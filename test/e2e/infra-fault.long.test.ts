import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {byOperator, isEviction, isWrite} from '../harness/audit.ts';
import {World} from '../harness/world.ts';
import {serveUnderLoad} from './served.ts';

/*
 * The node that every pod runs on falls silent, as when its kubelet hangs: its pods run on, and nobody is told. What the
 * operator does about it is nothing, and why is in status. The kubelet goes on afterwards as if nothing had been.
 */
const WHERE = {namespace: 'infra-fault', name: 'tasks'} as const;
const TIMEOUT_MS = 300_000;
let world: World;

/** Stops or continues the node's kubelet, in the node's own process namespace. */
const signalKubelet = async (signal: 'STOP' | 'CONT'): Promise<void> => {
  await world.cluster.exec(['sh', '-c', `kill -s ${signal} $(pidof kubelet)`]);
};

beforeAll(async () => {
  world = await World.join('e2e');
  const spec = {replicas: 2, autoscaling: undefined};
  await serveUnderLoad(world, WHERE, spec, {rate: 20, seconds: 300, writes: 0.1});
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  await world.leave(WHERE.namespace);
}, 60_000);

test(
  'a node that is silent is named; no pod is evicted, nothing is rolled back or scaled, and it ends with its cause',
  async () => {
    const before = await world.api(WHERE.namespace, WHERE.name);
    const since = Date.now();
    await signalKubelet('STOP');
    try {
      const held = await world.waitApi(
        WHERE,
        'the node is named, and a person called',
        ({status}) =>
          status?.remediation?.lastDecision?.verdict === 'InfraFault' &&
          status.remediation.lastDecision.considered.some(({action, taken}) => action === 'Escalate' && taken),
        TIMEOUT_MS,
      );
      const decision = held.status?.remediation?.lastDecision;
      await world.evidence('infra-fault.json', decision);
      expect(decision?.message).toMatch(/^The node of pod .*\(node local\).* is not heard of any more\./);
      expect(decision?.considered.map(({action, taken}) => [action, taken])).toEqual([
        ['Rollback', false],
        ['Restart', false],
        ['Hold', true],
        ['Escalate', true],
      ]);
    } finally {
      await signalKubelet('CONT');
    }
    const after = await world.waitApi(
      WHERE,
      'the node is heard of, and every pod is Ready again',
      ({status}) =>
        status?.remediation?.lastDecision?.verdict !== 'InfraFault' &&
        status?.replicas?.wanted !== undefined &&
        status.replicas.ready === status.replicas.wanted,
      TIMEOUT_MS,
    );
    expect(after.status?.revisions?.serving).toBe(before.status?.revisions?.serving);
    expect(after.status?.remediation?.recentActions ?? []).toEqual([]);
    // By the API server: neither pods nor what makes or scales them was touched, but for status and events.
    const writes = await world.audit(
      (event) =>
        byOperator(event) &&
        Date.parse(event.requestReceivedTimestamp) > since &&
        event.objectRef?.namespace === WHERE.namespace &&
        (isEviction(WHERE.namespace)(event) ||
          (isWrite(event) &&
            ['pods', 'deployments', 'statefulsets', 'horizontalpodautoscalers'].includes(
              event.objectRef.resource ?? '',
            ))),
    );
    expect(writes.map(({verb, requestURI}) => `${verb} ${requestURI}`)).toEqual([]);
  },
  2 * TIMEOUT_MS,
);
