import {afterAll, expect} from '@jest/globals';
import type {MaintenanceApi, MaintenanceApiSpecInput} from '../../operator/src/api/v1alpha1/index.ts';
import {deploymentPatches, evictionsIn, type AuditEvent} from '../harness/audit.ts';
import {isBad} from '../harness/ledger.ts';
import {sideBySide} from '../harness/stories.ts';
import {waitFor} from '../harness/wait.ts';
import {World} from '../harness/world.ts';

/*
 * Real causes that take their time: memory that is lost bit by bit, and content that was changed beside the resource. What
 * is done, and what isn't, is told by the API server's audit log and by the clients' ledgers.
 */
const NAMESPACE = 'causes';
const LEAKING = {namespace: NAMESPACE, name: 'leaking'} as const;
const CONFIGURED = {namespace: NAMESPACE, name: 'configured'} as const;
const TIMEOUT_MS = 300_000;
const STORY_MS = 1_200_000;
/** The load is counted by the minute: at least one is whole. */
const LOAD_KNOWN_MS = 130_000;
let world: World;

type Where = typeof LEAKING | typeof CONFIGURED;

interface Pod {
  readonly metadata: {readonly name: string};
}

/** Of the kubelet. */
interface StartEvent {
  readonly reason: string;
  readonly count?: number;
  readonly involvedObject: {readonly name: string; readonly fieldPath?: string};
}

const patchesOf = (where: Where): Promise<AuditEvent[]> => world.audit(deploymentPatches(where.namespace, where.name));
const evictionsOf = ({namespace, name}: Where): Promise<AuditEvent[]> =>
  world.audit((event) => evictionsIn(namespace)(event) && event.objectRef?.name?.startsWith(`${name}-`) === true);
const podsOf = ({name}: Where): Promise<Pod[]> =>
  world.list<Pod>('pods', NAMESPACE, `app.kubernetes.io/component=api,maintenance-api.io/owner=${name}`);
const actionsOf = ({status}: MaintenanceApi) => status?.remediation?.recentActions ?? [];
const load = ({name}: Where): string => `load-${name}`;

/** A good release under load. */
async function bringUp(where: Where, spec: Partial<MaintenanceApiSpecInput>, rate: number): Promise<string> {
  await world.apply(world.maintenanceApi(where.namespace, where.name, {replicas: 2, autoscaling: undefined, ...spec}));
  await world.waitReady(where, TIMEOUT_MS);
  await world.startLoad(where, {name: load(where), rate, seconds: 1_200, writes: 0.1});
  const good = await world.waitGood(where, TIMEOUT_MS);
  return good.status?.revisions?.lastKnownGood ?? '';
}

async function leaksAreEvicted(): Promise<void> {
  // Without a pause of its own one eviction would follow the other as soon as that has shown what it did.
  const limits = {cooldownSeconds: 0};
  const good = await bringUp(LEAKING, {image: world.images.leaking.ref, remediation: {limits}}, 20);
  const patches = await patchesOf(LEAKING);
  const victims = (await podsOf(LEAKING)).map(({metadata}) => metadata.name);
  const [first = '', second = ''] = victims;
  const since = Date.now();
  await world.signalContainer(NAMESPACE, first, 'api', 'SIGWINCH');
  // Both leak at last, as a release that leaks would have it, and the first one is nearer to its limit.
  const memory = async (pod: string): Promise<number> => {
    const page = await world.kubectl([
      'get',
      '--raw',
      `/api/v1/namespaces/${NAMESPACE}/pods/${pod}:9090/proxy/metrics`,
    ]);
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(page)?.[1] ?? Number.NaN);
  };
  const begun = await memory(first);
  await waitFor(
    'the first pod has lost 12 MiB',
    async () => (await memory(first)) > begun + 12 * 2 ** 20 || undefined,
    TIMEOUT_MS,
  );
  await world.signalContainer(NAMESPACE, second, 'api', 'SIGWINCH');
  const ended = await world.waitApi(
    LEAKING,
    'both were evicted',
    (api) => actionsOf(api).length >= 2 && api.status?.remediation?.action === undefined,
    STORY_MS,
  );
  const actions = actionsOf(ended);
  await world.evidence('memory-leak.json', {actions, evictions: await evictionsOf(LEAKING)});
  expect(actions.map(({kind, verdict, outcome}) => [kind, verdict, outcome])).toEqual([
    ['Restart', 'MemoryLeak', 'Helped'],
    ['Restart', 'MemoryLeak', 'Helped'],
  ]);
  expect(actions[0]?.message).toContain(`Memory of pod ${second} climbs`);
  // By the API server: one eviction a pod, the second after the first had shown what it did.
  const asked = await evictionsOf(LEAKING);
  expect(asked.map(({objectRef, responseStatus}) => [objectRef?.name, responseStatus?.code])).toEqual([
    [first, 201],
    [second, 201],
  ]);
  expect(Date.parse(asked[1]?.requestReceivedTimestamp ?? '')).toBeGreaterThanOrEqual(
    Date.parse(actions[1]?.endedAt ?? '') - 1_000,
  );
  // Before the kernel did it: each container was started once, and clients noticed nothing.
  const events = await world.list<StartEvent>('events', NAMESPACE);
  const started = events.filter(
    ({reason, involvedObject: {fieldPath}}) => reason === 'Started' && fieldPath === 'spec.containers{api}',
  );
  const starts = victims.map((pod) =>
    started.filter(({involvedObject}) => involvedObject.name === pod).reduce((sum, {count = 1}) => sum + count, 0),
  );
  expect(starts).toEqual([1, 1]);
  const ledger = (await world.ledger(NAMESPACE, load(LEAKING))).filter(({t}) => t > since);
  expect(ledger.length).toBeGreaterThan(2_000);
  expect(ledger.filter(isBad).length).toBeLessThan(ledger.length / 100);
  // Another revision was not asked for: this one was good, and what it lost is gone.
  expect(await patchesOf(LEAKING)).toHaveLength(patches.length);
  expect(ended.status?.revisions?.serving).toBe(good);
}

const OPTIONS = 'options';
const configMap = (options: string): object => ({
  ...{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: OPTIONS, namespace: NAMESPACE}},
  data: {node: options},
});

/** Changes the ConfigMap, and touches the resource: what it refers to is read when it is reconciled. */
async function configure(options: string): Promise<void> {
  await world.apply(configMap(options));
  const touched = `example.com/touched=${String(Date.now())}`;
  await world.kubectl(['annotate', '-n', NAMESPACE, 'maintenanceapi', CONFIGURED.name, '--overwrite', touched]);
}

async function changedContentIsNamed(): Promise<void> {
  // The image has a module that fails one request in five; whether it is loaded is what the ConfigMap says.
  await world.apply(configMap('--max-http-header-size=16384'));
  const env = [{name: 'NODE_OPTIONS', valueFrom: {configMapKeyRef: {name: OPTIONS, key: 'node'}}}];
  const good = await bringUp(CONFIGURED, {image: world.images.failing.ref, env}, 30);
  const patches = await patchesOf(CONFIGURED);
  // What came before the change is what it is held against once no old pod is left.
  await waitFor(
    'its load is known',
    async () => {
      const sent = await world.ledger(NAMESPACE, load(CONFIGURED));
      return (sent.at(-1)?.t ?? 0) - (sent[0]?.t ?? Infinity) > LOAD_KNOWN_MS || undefined;
    },
    TIMEOUT_MS,
  );
  const changedAt = Date.now();
  await configure('--import=/opt/fault/fault.mjs');
  const held = await world.waitApi(
    CONFIGURED,
    'the changed object is named, and a person called',
    ({status}) =>
      status?.remediation?.lastDecision?.verdict === 'ConfigChange' &&
      status.remediation.lastDecision.considered.some(({action, taken}) => action === 'Escalate' && taken) &&
      status.conditions?.some(({type, reason}) => type === 'Remediating' && reason === 'Escalated') === true,
    TIMEOUT_MS,
  );
  const decision = held.status?.remediation?.lastDecision;
  expect(decision?.message).toContain(`The content of ConfigMap "${OPTIONS}" changed`);
  expect(decision?.considered.map(({action, taken}) => [action, taken])).toEqual([
    ['Rollback', false],
    ['Escalate', true],
  ]);
  // It was no false alarm.
  const ledger = (await world.ledger(NAMESPACE, load(CONFIGURED))).filter(({t}) => t > changedAt);
  expect(ledger.filter(isBad).length).toBeGreaterThan(10);
  // The rollout of the new content, and nothing back.
  expect(await patchesOf(CONFIGURED)).toHaveLength(patches.length + 1);
  expect(await evictionsOf(CONFIGURED)).toEqual([]);
  expect(actionsOf(held)).toEqual([]);

  await configure('--max-http-header-size=16384');
  const mended = await world.waitApi(
    CONFIGURED,
    'what a person put right serves, without any action',
    ({status}) => status?.revisions?.serving === good && status.remediation?.lastDecision?.verdict === 'None',
    TIMEOUT_MS,
  );
  expect(actionsOf(mended)).toEqual([]);
}

sideBySide(
  'real causes',
  {
    start: async () => {
      world = await World.join('e2e');
      await world.createNamespace(NAMESPACE);
    },
    timeoutMs: STORY_MS,
  },
  {
    'memory that two pods lose: each is evicted before it is killed, one after the other, and nothing is rolled back':
      leaksAreEvicted,
    'a ConfigMap whose new content makes pods fail: it is named, and nothing is rolled back': changedContentIsNamed,
  },
);

afterAll(async () => {
  await world.leave(NAMESPACE);
}, 60_000);
