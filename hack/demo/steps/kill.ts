import {expectThat, WHERE, type Step, type StepContext} from '../step.ts';
import {waitFor} from '../../../test/harness/wait.ts';

export const WRITES = {name: 'writes', rate: 20, seconds: 60, writes: 1} as const;

interface Pod {
  metadata: {name: string};
  status: {containerStatuses: {name: string; restartCount: number}[]};
}

async function restarts({world}: StepContext): Promise<{api: number; mysql: number}> {
  const pods = await world.list<Pod>('pods', WHERE.namespace, 'app.kubernetes.io/name=maintenance-api');
  const count = (container: string): number =>
    pods
      .flatMap((pod) => pod.status.containerStatuses)
      .filter((status) => status.name === container)
      .reduce((sum, status) => sum + status.restartCount, 0);
  return {api: count('api'), mysql: count('mysqld')};
}

/** Waits for acknowledged writes, so that the kill comes under writes. */
async function underWrites({world}: StepContext): Promise<void> {
  await waitFor(
    'tasks are being acknowledged',
    async () =>
      (await world.ledger(WHERE.namespace, WRITES.name)).filter((entry) => entry.id !== undefined).length > 50
        ? true
        : undefined,
    60_000,
  );
}

/** The API's pod and mysqld die under writes; nothing that was acknowledged may be lost. */
export const killSteps: readonly Step[] = [
  {
    name: 'kill',
    title: 'Kill an API pod and mysqld with SIGKILL under writes; every acknowledged task is read back',
    cause: async (context) => {
      const {world, facts} = context;
      await world.startLoad(WHERE, WRITES);
      facts.loads.push(WRITES.name);
      await underWrites(context);
      const [pod] = await world.list<Pod>('pods', WHERE.namespace, 'app.kubernetes.io/component=api');
      facts.killedAt = Date.now();
      await world.killContainer(WHERE.namespace, pod?.metadata.name ?? '', 'api');
      await world.killContainer(WHERE.namespace, `${WHERE.name}-mysql-0`, 'mysqld');
    },
    sabotage: async (context) => {
      await context.world.startLoad(WHERE, WRITES);
      context.facts.loads.push(WRITES.name);
      await underWrites(context);
    },
    observe: async (context) => {
      const {world, facts, say} = context;
      await waitFor(
        'the API and mysqld were restarted',
        async () => {
          const seen = await restarts(context);
          return seen.api > 0 && seen.mysql > 0 ? seen : undefined;
        },
        90_000,
      );
      await world.waitApi(
        WHERE,
        'Ready again',
        (api) => api.status?.conditions?.some((item) => item.type === 'Ready' && item.status === 'True') === true,
        180_000,
      );
      const ledger = await world.finishedLedger(WHERE.namespace, WRITES.name, 120);
      const acknowledged = ledger.flatMap((entry) => entry.id ?? []);
      const rows = new Set(await world.query(WHERE, 'SELECT id FROM tasks'));
      const lost = acknowledged.filter((id) => !rows.has(id));
      expectThat(acknowledged.length > 100, `only ${String(acknowledged.length)} tasks were acknowledged`);
      expectThat(lost.length === 0, `${String(lost.length)} acknowledged tasks are not in the database`);
      const after = ledger.filter((entry) => entry.id !== undefined && entry.t > (facts.killedAt ?? 0)).length;
      expectThat(after > 0, 'no task was acknowledged after the kill');
      const api = await world.api(WHERE.namespace, WHERE.name);
      expectThat(
        api.status?.revisions?.serving === facts.good,
        'the operator changed the revision because of the kills',
      );
      say(
        `${String(acknowledged.length)} tasks were acknowledged, ${String(after)} of them after the kill; all are in the database`,
      );
    },
  },
];
