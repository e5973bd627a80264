import {expectThat, Unexpected, WHERE, type Step, type StepContext} from '../step.ts';
import {deploymentPatches} from '../../../test/harness/audit.ts';
import {isBad, isBroken} from '../../../test/harness/ledger.ts';
import {STEADY} from './service.ts';

interface ReplicaSet {
  metadata: {name: string; labels: Record<string, string>};
  spec: {replicas: number};
  status: {readyReplicas?: number};
}

/** A release of another tag that has the same content: nothing is wrong with it. */
const goodAgain = async ({world}: StepContext): Promise<void> => {
  await world.patchSpec(WHERE, {env: [{name: 'RELEASE', value: 'good'}]});
};

async function replicaSets({world}: StepContext): Promise<ReplicaSet[]> {
  return world.list<ReplicaSet>('replicasets', WHERE.namespace, 'app.kubernetes.io/component=api');
}

/** Measures, by the client's ledger and the audit log, how soon the rollback came and whether it cost a request. */
async function observeRollback({world, facts, say}: StepContext): Promise<void> {
  const ledger = await world.ledger(WHERE.namespace, STEADY.name);
  const firstBad = ledger.find((entry) => isBad(entry) && entry.t >= (facts.badReleasedAt ?? 0));
  if (firstBad === undefined) throw new Unexpected('the client saw no failure at all');
  const patches = await world.audit(deploymentPatches(WHERE.namespace, WHERE.name));
  const rollback = patches.map((patch) => Date.parse(patch.stageTimestamp)).find((time) => time > firstBad.t);
  if (rollback === undefined) throw new Unexpected('the audit log has no patch after the first bad answer');
  const broken = ledger.filter(
    (entry) => isBroken(entry) && entry.t > rollback - 10_000 && entry.t < rollback + 60_000,
  );
  say(
    `First bad answer → Deployment patched: ${((rollback - firstBad.t) / 1000).toFixed(1)} s (client's clock, audit log)`,
  );
  say(`Refused, reset or timed-out requests around the rollback: ${String(broken.length)}`);
  expectThat(broken.length === 0, `${String(broken.length)} requests were refused, reset or timed out`);
}

/** The steps about releases: a bad one that is rolled back, and one that can't start and is held. */
export const releaseSteps: readonly Step[] = [
  {
    name: 'bad-release',
    title: 'Release an image that fails one request in five; the operator rolls it back by evidence',
    cause: async ({world, facts}) => {
      facts.badReleasedAt = Date.now();
      await world.patchSpec(WHERE, {image: world.images.failing.ref});
    },
    sabotage: goodAgain,
    observe: async (context) => {
      const {world, facts, say} = context;
      const {status} = await world.waitApi(
        WHERE,
        'the bad revision is rolled back and rejected',
        (seen) => seen.status?.revisions?.suspended?.some((item) => item.state === 'Rejected') === true,
        240_000,
      );
      const {revisions, remediation} = status ?? {};
      const bad = revisions?.suspended?.[0]?.hash;
      if (bad === undefined) throw new Unexpected('no revision is rejected');
      facts.bad = bad;
      expectThat(revisions?.serving === facts.good, 'the good revision does not serve');
      const sets = await replicaSets(context);
      expectThat(sets.length === 2, `there are ${String(sets.length)} ReplicaSets, not 2`);
      await observeRollback(context);
      say(`Explanation: ${remediation?.recentActions?.[0]?.message ?? ''}`);
    },
  },
  {
    name: 'blocked-release',
    title: 'Release an image that can not be pulled; it is held, not rejected, and the old pods serve',
    cause: async ({world, facts}) => {
      await world.patchSpec(WHERE, {image: `${world.images.api.ref.split(':')[0] ?? ''}:does-not-exist`});
      facts.blocked = 'pending';
    },
    sabotage: goodAgain,
    observe: async ({world, facts, say}) => {
      const held = await world.waitApi(
        WHERE,
        'the release is held because its image can not be pulled',
        (api) =>
          api.status?.conditions?.some((item) => item.type === 'Ready' && item.reason === 'ImagePullFailed') === true,
        120_000,
      );
      const {desired, suspended} = held.status?.revisions ?? {};
      if (desired !== undefined) facts.blocked = desired;
      expectThat(
        suspended?.some((item) => item.hash === desired) !== true,
        'the held revision was suspended or rejected',
      );
      expectThat(
        held.status?.conditions?.some((item) => item.type === 'Available' && item.status === 'True') === true,
        'the old pods do not serve',
      );
      say(held.status?.conditions?.find((item) => item.type === 'Ready')?.message ?? '');
      await world.patchSpec(WHERE, {image: world.images.api.ref});
      await world.waitApi(
        WHERE,
        'Ready again after the image was corrected',
        (api) =>
          api.status?.revisions?.desired === facts.good &&
          api.status?.conditions?.some((item) => item.type === 'Ready' && item.status === 'True') === true,
        120_000,
      );
    },
  },
];
