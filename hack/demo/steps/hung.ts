import {evictionsIn} from '../../../test/harness/audit.ts';
import {isBad} from '../../../test/harness/ledger.ts';
import {expectThat, Unexpected, WHERE, type Step, type StepContext} from '../step.ts';

const TIMEOUT_MS = 180_000;
/** Load while a pod hangs: 20 requests a second, a new connection each. */
const HANG_LOAD = {name: 'hang', rate: 20, seconds: 240, writes: 0.1} as const;

interface Pod {
  metadata: {name: string};
}

/** Of the revision whose pods can hang: pods of the one before may still be leaving. */
async function apiPods({world, facts}: StepContext): Promise<string[]> {
  const selector = `app.kubernetes.io/component=api,maintenance-api.io/revision=${facts.hanging ?? ''}`;
  return (await world.list<Pod>('pods', WHERE.namespace, selector)).map(({metadata}) => metadata.name);
}

async function underLoad({world, facts}: StepContext): Promise<void> {
  await world.startLoad(WHERE, HANG_LOAD);
  facts.loads.push(HANG_LOAD.name);
}

/** By the audit log one eviction, of that pod; and by the client's ledger hardly a request that failed because of it. */
async function observeEviction(context: StepContext): Promise<void> {
  const {world, facts, say} = context;
  const {hungPod = '', hungAt = 0} = facts;
  const evictions = await world.audit(evictionsIn(WHERE.namespace));
  const evicted = evictions.map(({objectRef}) => objectRef?.name);
  expectThat(evicted.length === 1 && evicted[0] === hungPod, `evicted: ${evicted.join(', ')}`);
  expectThat(!(await apiPods(context)).includes(hungPod), `pod ${hungPod} is still there`);
  const seen = (await world.ledger(WHERE.namespace, HANG_LOAD.name)).filter(({t}) => t > hungAt);
  const bad = seen.filter(isBad).length;
  expectThat(seen.length > 500, `the client has sent only ${String(seen.length)} requests since`);
  expectThat(bad < seen.length / 100, `${String(bad)} of ${String(seen.length)} requests failed since`);
  const evictedAt = Date.parse(evictions[0]?.requestReceivedTimestamp ?? '');
  say(`Hung → evicted: ${((evictedAt - hungAt) / 1000).toFixed(1)} s (audit log)`);
  say(`Bad answers since it hung: ${String(bad)} of ${String(seen.length)} (client)`);
}

/** One pod that hangs is replaced, and nothing else is. */
export const hungSteps: readonly Step[] = [
  {
    name: 'good-release',
    title: 'Release an image with nothing wrong yet; it bakes under traffic and becomes the last known good',
    cause: async (context) => {
      await underLoad(context);
      await context.world.patchSpec(WHERE, {image: context.world.images.latching.ref});
    },
    sabotage: underLoad,
    observe: async ({world, facts, say}) => {
      const {status} = await world.waitApi(
        WHERE,
        'the new revision is the last known good',
        (api) => {
          const {serving, lastKnownGood} = api.status?.revisions ?? {};
          return serving !== facts.good && lastKnownGood === serving;
        },
        TIMEOUT_MS,
      );
      const {serving} = status?.revisions ?? {};
      if (serving === undefined) throw new Unexpected('status.revisions.serving is empty');
      facts.hanging = serving;
      say(`Revision ${serving} replaced ${facts.good ?? ''} and baked well`);
    },
  },
  {
    name: 'hung-pod',
    title: 'Make one pod hang: it lives, but is not ready any more; the operator evicts it, and only it',
    cause: async (context) => {
      const {world, facts} = context;
      const [victim] = await apiPods(context);
      if (victim === undefined) throw new Unexpected(`revision ${facts.hanging ?? ''} has no pod`);
      facts.hungPod = victim;
      facts.hungAt = Date.now();
      await world.signalContainer(WHERE.namespace, victim, 'api', 'SIGWINCH');
    },
    observe: async (context) => {
      const {world, say} = context;
      const {status} = await world.waitApi(
        WHERE,
        'the pod was replaced, and that helped',
        (api) => api.status?.remediation?.recentActions?.[0]?.verdict === 'Hung',
        TIMEOUT_MS,
      );
      const action = status?.remediation?.recentActions?.[0];
      expectThat(action?.outcome === 'Helped', `the restart ended ${action?.outcome ?? 'nowhere'}`);
      await observeEviction(context);
      say(`Explanation: ${action?.message ?? ''}`);
    },
  },
];
