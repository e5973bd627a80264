import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {waitFor} from '../../harness/wait.ts';

/*
 * A rollback without a pod of its target. It stands apart from rollback.test.ts: beside that many resources in breach what
 * they share would be blamed, as long as no old pods do better.
 */
const BAD = {badShare: 0.2};
let world: Simulation;

beforeAll(async () => {
  world = await Simulation.start();
  world.startOperator();
}, 120_000);

afterAll(async () => {
  await world.stop();
});

test('what had become good is pulled by its digest when none of its pods is left', async () => {
  const ns = 'none-left';
  const scene = await world.scene(ns, 50);
  const digest = `sha256:${'1'.repeat(64)}`;
  scene.digests.set('example/api:1', digest);
  await world.create(ns, {release: {bakeSeconds: 45}});
  const good = await world.good(ns);
  const before = (await world.deploymentPatches(ns)).length;
  await world.patchSpec(ns, {image: 'example/api:2'});
  await waitFor(
    'the old pods have left',
    async () => {
      const images = (await world.apiPods(ns)).map(({image}) => image);
      if (images.every((image) => image === 'example/api:2')) return true;
      throw new Error(`there are pods of ${images.join(', ')}`);
    },
    120_000,
  );
  // The tag names something else by now: whoever pulled it would not get what had become good.
  scene.digests.set('example/api:1', `sha256:${'2'.repeat(64)}`);
  scene.images.set('example/api:2', BAD);
  const back = await world.until(
    ns,
    'what had become good serves again',
    ({status}) => status?.remediation?.recentActions?.[0]?.outcome === 'Helped',
    300_000,
  );
  expect(back.status?.revisions?.serving).toBe(good);
  expect((await world.apiPods(ns)).map(({image}) => image)).toEqual([`example/api@${digest}`, `example/api@${digest}`]);
  expect(await world.deploymentPatches(ns)).toHaveLength(before + 2);

  // Going back in Git is no reason to replace pods that serve just that.
  const pods = await world.apiPods(ns);
  await world.patchSpec(ns, {image: 'example/api:1'});
  await world.until(ns, 'ready', (api) => conditionOf(api, 'Ready') === 'True Ready');
  expect(await world.apiPods(ns)).toEqual(pods);
  expect(await world.deploymentPatches(ns)).toHaveLength(before + 2);
}, 600_000);
