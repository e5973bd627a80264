import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {createProgress} from '../../hack/lib/progress.ts';
import {steps} from '../../hack/demo/steps.ts';
import {WHERE, type Facts} from '../../hack/demo/step.ts';
import {World} from '../harness/world.ts';
import {findSecrets} from '../harness/secrets.ts';

/* The demo's own steps are the main story; the operator is installed by the run's setup. */
const STEP_TIMEOUT_MS = 600_000;
/** On a machine that has built nothing yet. */
const BUILD_TIMEOUT_MS = 1_800_000;
const facts: Facts = {loads: []};
let world: World;

beforeAll(async () => {
  const progress = createProgress();
  for (const step of steps) await step.prepare?.(progress);
  world = await World.join('e2e');
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  try {
    await world.leave(WHERE.namespace);
  } finally {
    for (const step of steps) await step.leave?.({world, facts, say: () => undefined});
  }
}, STEP_TIMEOUT_MS);

describe('the demo', () => {
  test.each(steps.filter((step) => step.name !== 'install'))(
    '$name: $title',
    async (step) => {
      const said: string[] = [];
      const context = {world, facts, say: (text: string): number => said.push(text)};
      await step.cause(context);
      await step.observe(context);
      expect(said).not.toEqual([]);
    },
    STEP_TIMEOUT_MS,
  );

  test('left no secret in any log, event, status or audit record', async () => {
    expect(await findSecrets(world, [WHERE.namespace])).toEqual([]);
  }, 60_000);

  test('can be understood from describe and events alone', async () => {
    const text = await world.kubectl(['describe', 'mapi', '-n', WHERE.namespace, WHERE.name]);
    expect(text).toContain(
      `Rolling back from revision ${facts.bad ?? '?'} to ${facts.good ?? '?'} because of BadRevision`,
    );
    expect(text).toMatch(/of responses were bad \(\d+ of \d+ in \d+s; availability acts above 1\.44%\)/);
    expect(text).toMatch(/RollbackHelped.*The breach ended/);
  }, 60_000);
});
