import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {afterAll, expect} from '@jest/globals';
import {
  resources,
  type MaintenanceApi,
  type MaintenanceApiBackupStatus,
  type MaintenanceApiSpecInput,
} from '../../../operator/src/api/v1alpha1/index.ts';
import {childNames} from '../../../operator/src/desired/index.ts';
import type {KubeObject} from '../../../operator/src/runtime/index.ts';
import {isWrite} from '../../harness/audit.ts';
import type {SimulatedBackup} from '../../harness/simulated-backup.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';
import {createWithBackup} from './backed-up.ts';
import {requestsOfAMinute} from './standing-faults.ts';

/*
 * Backups on a real API server with the real CronJob and Job controllers; what the containers do is played, so that each
 * end of a run takes seconds.
 */
const STORY_TIMEOUT_MS = 600_000;
const STATE_TIMEOUT_MS = 240_000;
/** So long what was measured may take to leave the act window, and a little more. */
const WINDOW_TIMEOUT_MS = 330_000;
const KEYS = childNames('tasks').backupKeys;

let world: Simulation;

interface Backup extends KubeObject {
  status?: MaintenanceApiBackupStatus;
}

const SUCCEEDS: SimulatedBackup = {
  phase: 'Succeeded',
  said: (uid, service) => ({
    ...{outcome: 'Succeeded', id: uid, keyId: 'k', bytes: 1000, dumpBytes: 9000, tables: 3, rows: 77},
    ...{startedAt: new Date(Date.now() - 1000).toISOString(), finishedAt: new Date().toISOString()},
    manifestKey: `any/tasks/${service}/${uid}/manifest.json.encrypted`,
  }),
};
const fails = (reason: string, message: string): SimulatedBackup => ({
  phase: 'Failed',
  said: () => ({outcome: 'Failed', reason, message}),
});

/** Every minute is soon enough to be waited for. */
const EVERY_MINUTE = '* * * * *';
const NEVER = '0 0 31 2 *';

async function serving(
  namespace: string,
  schedule: string,
  spec: Partial<MaintenanceApiSpecInput> = {},
): Promise<Awaited<ReturnType<Simulation['scene']>>> {
  const scene = await world.scene(namespace, 0);
  await createWithBackup(world, namespace, {schedule, bucket: 'backups'}, spec);
  return scene;
}

const backups = async (namespace: string): Promise<Backup[]> =>
  (await world.client.list<Backup>(resources.maintenanceApiBackup, {namespace})).items;

async function untilBackup(namespace: string, phase: string, name?: string): Promise<Backup> {
  return waitFor(
    `${namespace}: a backup is ${phase}`,
    async () => {
      const all = await backups(namespace);
      const found = all.find(
        ({metadata, status}) => (name ?? metadata.name) === metadata.name && status?.phase === phase,
      );
      if (found !== undefined) return found;
      throw new Error(JSON.stringify(all.map(({metadata, status}) => [metadata.name, status])));
    },
    STATE_TIMEOUT_MS,
  );
}

const ready = (namespace: string, short: string): Promise<MaintenanceApi> =>
  world.until(
    namespace,
    `BackupReady is ${short}`,
    (api) => conditionOf(api, 'BackupReady') === short,
    STATE_TIMEOUT_MS,
  );

const verdictIs =
  (verdict: string) =>
  ({status}: MaintenanceApi): boolean =>
    status?.remediation?.lastDecision?.verdict === verdict;

const annotate = async (namespace: string, annotations: Record<string, string>): Promise<void> => {
  await world.client.patch(resources.maintenanceApi, namespace, 'tasks', {metadata: {annotations}}, {type: 'merge'});
};

const wish = async (namespace: string, name: string): Promise<void> => {
  await world.client.create(resources.maintenanceApiBackup, namespace, {
    apiVersion: 'maintenance-api.io/v1alpha1',
    kind: 'MaintenanceApiBackup',
    metadata: {name, namespace},
    spec: {maintenanceApi: 'tasks'},
  });
};

const jobs = async (namespace: string): Promise<KubeObject[]> =>
  (await world.client.list(resources.job, {namespace})).items;

function operator(namespace: string, crash?: Parameters<Simulation['startOperator']>[1]): ChildProcess {
  return world.startOperator({LEASE_NAME: namespace, WATCH_NAMESPACES: namespace}, crash);
}

async function bySchedule(): Promise<void> {
  const ns = 'backup-schedule';
  const process = operator(ns);
  const scene = await serving(ns, EVERY_MINUTE);
  scene.backup = SUCCEEDS;
  const made = await untilBackup(ns, 'Succeeded');
  expect(made.metadata.labels?.['maintenance-api.io/run']).toBe(made.metadata.name);
  expect((await jobs(ns)).map(({metadata}) => metadata.name)).toContain(made.metadata.name);
  expect(made.status).toMatchObject({bucket: 'backups', rows: 77, job: made.metadata.name});
  expect(made.metadata.ownerReferences).toBeUndefined();
  // No further run disturbs what follows.
  await world.patchSpec(ns, {backup: {schedule: NEVER}});
  const key = Object.keys(
    (await world.client.get<KubeObject & {data: object}>(resources.secret, ns, KEYS))?.data ?? {},
  );
  const api = await ready(ns, 'False KeyOnlyInCluster');
  expect(api.status?.backup?.keyId).toBe(key[0]);
  expect(api.status?.backup?.last?.manifestKey).toContain(api.metadata.uid);
  await annotate(ns, {'maintenance-api.io/key-saved': key[0] ?? ''});
  await ready(ns, 'True BackupReady');
  const known = (await backups(ns)).length;
  await world.client.delete(resources.maintenanceApi, ns, 'tasks', {uid: api.metadata.uid});
  await waitFor(
    'its CronJob is gone',
    async () => (await world.client.list(resources.cronJob, {namespace: ns})).items.length === 0 || undefined,
    STATE_TIMEOUT_MS,
  );
  // What tells where backups are, and what opens them, outlives it.
  expect(await backups(ns)).toHaveLength(known);
  expect(await world.client.get(resources.secret, ns, KEYS)).toBeDefined();
  process.kill('SIGKILL');
}

async function killedBetween(): Promise<void> {
  const ns = 'backup-killed';
  const first = operator(ns, {
    signal: 'SIGKILL',
    requests: ['^POST .*/maintenanceapibackups .*maintenance-api.io/run'],
  });
  const end = once(first, 'exit');
  const scene = await serving(ns, EVERY_MINUTE);
  scene.backup = SUCCEEDS;
  await end;
  const [made] = await backups(ns);
  expect(made?.status).toBeUndefined();
  await world.patchSpec(ns, {backup: {schedule: NEVER}});
  const before = await jobs(ns);
  operator(ns);
  await untilBackup(ns, 'Succeeded', made?.metadata.name);
  // What was listed without its facts was not taken for a wish.
  expect((await jobs(ns)).filter(({metadata}) => metadata.ownerReferences?.[0]?.kind !== 'CronJob')).toEqual([]);
  const listed = (await backups(ns)).map(({metadata}) => metadata.name).sort();
  expect(listed).toEqual(before.map(({metadata}) => metadata.name).sort());
}

async function byPeople(): Promise<void> {
  const ns = 'backup-people';
  const first = operator(ns, {signal: 'SIGKILL', requests: ['^POST .*/jobs ']});
  const end = once(first, 'exit');
  const scene = await serving(ns, NEVER);
  await wish(ns, 'mine');
  await end;
  const second = operator(ns);
  await untilBackup(ns, 'Running', 'mine');
  await wish(ns, 'later');
  const waits = await untilBackup(ns, 'Pending', 'later');
  expect(waits.status?.message).toMatch(/^Job "tasks-backup-[0-9a-f]{10}" runs$/);
  scene.backup = SUCCEEDS;
  await untilBackup(ns, 'Succeeded', 'mine');
  await untilBackup(ns, 'Succeeded', 'later');
  // One Job each, whoever died.
  expect(await jobs(ns)).toHaveLength(2);

  await annotate(ns, {'maintenance-api.io/backup-now': 'before the migration'});
  const asked = await world.until(ns, 'backup-now is answered', ({status}) => status?.backup?.request !== undefined);
  const name = asked.status?.backup?.request?.backup ?? '';
  await untilBackup(ns, 'Succeeded', name);
  expect(await backups(ns)).toHaveLength(3);
  // What was answered stays answered, also by another process and when the answer was removed.
  const {metadata} = await untilBackup(ns, 'Succeeded', name);
  await world.client.delete(resources.maintenanceApiBackup, ns, name, {uid: metadata.uid ?? ''});
  second.kill('SIGKILL');
  operator(ns);
  await annotate(ns, {'maintenance-api.io/backup-now': 'after it'});
  await world.until(
    ns,
    'the other value is answered',
    ({status}) => status?.backup?.request?.value === 'after it',
    STATE_TIMEOUT_MS,
  );
  expect((await backups(ns)).map((one) => one.metadata.name)).not.toContain(name);
}

async function failures(): Promise<void> {
  const ns = 'backup-failures';
  operator(ns);
  const scene = await serving(ns, NEVER);
  const cases: [SimulatedBackup, string, string][] = [
    [fails('BucketMissing', 'Bucket "backups": it does not exist'), 'BucketMissing', 'Bucket "backups"'],
    [{phase: 'Failed', evicted: 'low on memory'}, 'Evicted', 'low on memory'],
  ];
  for (const [how, reason, message] of cases) {
    scene.backup = how;
    await wish(ns, reason.toLowerCase());
    const failed = await untilBackup(ns, 'Failed', reason.toLowerCase());
    expect(failed.status).toMatchObject({reason, message: expect.stringContaining(message)});
    expect(failed.status?.manifestKey).toBeUndefined();
    const api = await ready(ns, `False ${reason}`);
    expect(api.status?.conditions?.find(({type}) => type === 'BackupReady')?.message).toContain(message);
    // The service itself is well.
    expect(conditionOf(api, 'Available')).toBe('True Available');
  }
  scene.backup = SUCCEEDS;
  await wish(ns, 'again');
  await untilBackup(ns, 'Succeeded', 'again');
  await ready(ns, 'False KeyOnlyInCluster');

  const secret = await world.client.get(resources.secret, ns, 'storage');
  await world.client.request({method: 'DELETE', path: `/api/v1/namespaces/${ns}/secrets/storage`});
  await annotate(ns, {'example.com/touched': '1'});
  await ready(ns, 'False ReferenceMissing');
  await wish(ns, 'waiting');
  const waits = await untilBackup(ns, 'Pending', 'waiting');
  expect(waits.status?.message).toBe('Secret "storage" does not exist');
  const from = Date.now();
  await waitFor('a minute has passed', async () => Date.now() - from > 60_000 || undefined, 120_000);
  const asked = await world.requests({namespace: ns, from});
  expect(asked.filter(isWrite).map(({verb, requestURI}) => `${verb} ${requestURI}`)).toEqual([]);
  expect(asked.length).toBeLessThanOrEqual(6);
  const {resourceVersion: _version, uid: _uid, ...metadata} = secret?.metadata ?? {name: 'storage'};
  await world.client.create(resources.secret, ns, {...secret, metadata});
  await untilBackup(ns, 'Succeeded', 'waiting');
}

/** All that is read is the database's disk and cache: the pods are what they were. */
async function slows(): Promise<void> {
  const ns = 'backup-slows';
  operator(ns);
  const scene = await serving(ns, NEVER);
  scene.requestsPerSecond = 50;
  const good = await world.good(ns);
  const patches = await world.deploymentPatches(ns);
  await wish(ns, 'large');
  const {status: {job = ''} = {}} = await untilBackup(ns, 'Running', 'large');
  scene.images.set('example/api:1', {badShare: 0, slowShare: 0.3});
  const held = await world.until(ns, 'it is found', verdictIs('BackupInterference'), STATE_TIMEOUT_MS);
  expect(held.status?.remediation?.lastDecision?.message).toContain(`while Job "${job}" makes a backup, which goes on`);
  expect(conditionOf(held, 'ObjectivesMet')).toBe('False ObjectiveBreached');
  expect(conditionOf(held, 'Remediating')).toBe('False NoAction');
  scene.backup = SUCCEEDS;
  await untilBackup(ns, 'Succeeded', 'large');
  expect(verdictIs('BackupInterference')(await world.api(ns))).toBe(true);
  scene.images.delete('example/api:1');
  // As long as its time is in the act window it is waited for, which asks for next to nothing.
  await requestsOfAMinute(world, ns);
  const well = await world.until(ns, 'all is well', verdictIs('None'), WINDOW_TIMEOUT_MS);
  expect(well.status?.revisions).toMatchObject({serving: good, lastKnownGood: good});
  expect(well.status?.remediation?.recentActions ?? []).toEqual([]);
  expect([await world.evictions(ns), await world.deploymentPatches(ns)]).toEqual([[], patches]);
}

sideBySide(
  'a backup',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {
    'by the schedule is listed, and outlives the resource': bySchedule,
    'whose operator is killed after listing it is told of by the next one': killedBetween,
    'that somebody asks for is made once': byPeople,
    'that fails says why, asks little, and leaves the service alone': failures,
    'that slows the service down is waited for, and nothing else is done about it': slows,
  },
);

afterAll(async () => {
  await world.stop();
});
