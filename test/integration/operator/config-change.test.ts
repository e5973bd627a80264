import {afterAll, expect} from '@jest/globals';
import {resources, type MaintenanceApi} from '../../../operator/src/api/v1alpha1/index.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';

/* A Secret whose content changes, on a real API server: the pods that read it fail, and the image is what it was. */
const STORY_TIMEOUT_MS = 400_000;
const STATE_TIMEOUT_MS = 240_000;
const NS = 'config-change';

let world: Simulation;

const secret = (value: string): object => ({data: {key: Buffer.from(value).toString('base64')}});
/** Secrets aren't watched: a touch of the resource is what makes the operator read them now. */
async function write(value: string): Promise<void> {
  await world.client.patch(resources.secret, NS, 'mail', secret(value), {type: 'merge'});
  const annotations = {'example.com/touched': value};
  await world.client.patch(resources.maintenanceApi, NS, 'tasks', {metadata: {annotations}}, {type: 'merge'});
}
const verdict = ({status}: MaintenanceApi): unknown => status?.remediation?.lastDecision?.verdict;

async function namedAndLeftAlone(): Promise<void> {
  world.startOperator({LEASE_NAME: NS, WATCH_NAMESPACES: NS});
  const scene = await world.scene(NS, 50);
  await world.client.create(resources.secret, NS, {
    ...{apiVersion: 'v1', kind: 'Secret', metadata: {name: 'mail', namespace: NS}},
    ...secret('before'),
  });
  await world.create(NS, {env: [{name: 'MAIL', valueFrom: {secretKeyRef: {name: 'mail', key: 'key'}}}]});
  const good = await world.good(NS);
  const patches = await world.deploymentPatches(NS);
  await write('after');
  const released = await world.until(
    NS,
    'the new content is a revision of its own',
    ({status}) => status?.revisions?.desired !== good,
    STATE_TIMEOUT_MS,
  );
  scene.revisions.set(released.status?.revisions?.desired ?? '', {badShare: 0.5});
  const held = await world.until(
    NS,
    'a person is called',
    (api) => verdict(api) === 'ConfigChange' && conditionOf(api, 'Remediating') === 'False Escalated',
    STATE_TIMEOUT_MS,
  );
  expect(held.status?.remediation?.lastDecision?.message).toContain('The content of Secret "mail" changed');
  expect(held.status?.remediation?.recentActions ?? []).toEqual([]);
  // The rollout of the new content, and nothing back.
  expect(await world.deploymentPatches(NS)).toHaveLength(patches.length + 1);

  await write('before');
  const mended = await world.until(
    NS,
    'the content that was good serves again',
    (api) => verdict(api) === 'None' && api.status?.revisions?.serving === good,
    STATE_TIMEOUT_MS,
  );
  expect(mended.status?.revisions?.lastKnownGood).toBe(good);
}

sideBySide(
  'a Secret that changes',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {'and makes pods fail is named and left to a person, whose repair serves at once': namedAndLeftAlone},
);

afterAll(async () => {
  await world.stop();
});
