import {expectThat, WHERE, type Step} from '../step.ts';
import {isBad} from '../../../test/harness/ledger.ts';
import {waitFor} from '../../../test/harness/wait.ts';

const READY_TIMEOUT_MS = 180_000;
const condition = (
  api: {status?: {conditions?: readonly {type: string; status: string}[] | undefined} | undefined},
  type: string,
): string => api.status?.conditions?.find((item) => item.type === type)?.status ?? 'none';

/** Load that runs through the release steps: 50 requests a second, a new connection each. */
export const STEADY = {name: 'steady', rate: 50, seconds: 420, writes: 0.1} as const;

/** Steps that bring up the service and its traffic. */
export const serviceSteps: readonly Step[] = [
  {
    name: 'install',
    title: 'Install the CRD and the operator (two replicas, one leads)',
    cause: async ({world}) => {
      await world.install();
    },
    observe: async ({world, say}) => {
      const lease = await waitFor(
        'a replica of the operator holds the Lease',
        () =>
          world.get<{spec: {holderIdentity?: string}}>('lease', 'maintenance-api-operator', 'maintenance-api-system'),
        60_000,
      );
      say(`The Lease is held by ${lease.spec.holderIdentity ?? 'nobody'}`);
    },
  },
  {
    name: 'apply',
    title: 'Apply one MaintenanceApi and wait until it is Ready',
    cause: async ({world, facts}) => {
      await world.createNamespace(WHERE.namespace);
      facts.appliedAt = Date.now();
      // The steps come closer after one another than a service's troubles do.
      const remediation = {limits: {cooldownSeconds: 30}};
      await world.apply(world.maintenanceApi(WHERE.namespace, WHERE.name, {remediation}));
    },
    observe: async ({world, facts, say}) => {
      const api = await world.waitApi(WHERE, 'Ready', (seen) => condition(seen, 'Ready') === 'True', READY_TIMEOUT_MS);
      facts.readyAt = Date.now();
      const revision = api.status?.revisions?.serving;
      expectThat(revision !== undefined, 'status.revisions.serving is empty');
      if (revision !== undefined) facts.good = revision;
      say(`Ready after ${String(Math.round((facts.readyAt - (facts.appliedAt ?? 0)) / 1000))} s`);
    },
  },
  {
    name: 'traffic',
    title: 'Steady traffic from inside the cluster; the revision bakes and becomes the last known good',
    cause: async ({world, facts}) => {
      await world.startLoad(WHERE, STEADY);
      facts.loads.push(STEADY.name);
    },
    observe: async ({world, facts, say}) => {
      await world.waitApi(
        WHERE,
        'the revision is the last known good',
        (api) =>
          api.status?.revisions?.lastKnownGood !== undefined && api.status.revisions.lastKnownGood === facts.good,
        120_000,
      );
      const ledger = await world.ledger(WHERE.namespace, STEADY.name);
      expectThat(ledger.length > 100, `the client has sent only ${String(ledger.length)} requests`);
      expectThat(!ledger.some(isBad), 'the client saw failures of a good revision');
      say(`Revision ${facts.good ?? ''} baked well; the client saw ${String(ledger.length)} answers, none bad`);
    },
  },
];
