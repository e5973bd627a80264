import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {afterAll, expect} from '@jest/globals';
import {resources, type MaintenanceApiStatus} from '../../../operator/src/api/v1alpha1/index.ts';
import type {KubeObject, ResourceRef} from '../../../operator/src/runtime/index.ts';
import {isWrite, OPERATOR_AGENT, readAudit} from '../../harness/audit.ts';
import type {CrashPoint} from '../../harness/crash-point.ts';
import {conditionOf, Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {waitFor} from '../../harness/wait.ts';
import {Watched} from '../../harness/watched.ts';

/*
 * Invariants 6, 7 and 14: two operator processes with one lease, of which the leader dies, or is stopped and continued,
 * in the middle of a rollback. The successor finishes what was recorded, once.
 */
const STORY_TIMEOUT_MS = 500_000;
const STATE_TIMEOUT_MS = 300_000;
const LEASES: ResourceRef = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
const RECORD = '^PATCH .*/maintenanceapis/tasks/status .*"state":"Recorded"';
const ACT = '^PATCH .*/deployments/tasks ';

let world: Simulation;

interface Lease extends KubeObject {
  spec?: {holderIdentity?: string};
}

/** The end of a process, by exit code or signal; ask before it may have ended. */
async function endOf(process: ChildProcess): Promise<string> {
  const [code, signal] = (await once(process, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ?? String(code);
}

async function leads(namespace: string, process: ChildProcess): Promise<void> {
  await waitFor(
    `${namespace}: process ${String(process.pid)} leads`,
    async () => {
      const lease = await world.client.get<Lease>(LEASES, 'default', namespace);
      return lease?.spec?.holderIdentity === `operator-${String(process.pid)}` || undefined;
    },
    STATE_TIMEOUT_MS,
  );
}

/** Every action that the resource's status tells from now on, by `id state`. */
function watchActions(namespace: string, resourceVersion: string): Watched<string> {
  const pick = ({status}: KubeObject): string | undefined => {
    const action = (status as MaintenanceApiStatus | undefined)?.remediation?.action;
    return action && `${action.id} ${action.state}`;
  };
  return new Watched({client: world.client, ref: resources.maintenanceApi, namespace, resourceVersion, pick});
}

/** What a rollback that was disturbed must have come to. */
interface Disturbed {
  readonly namespace: string;
  readonly leader: ChildProcess;
  readonly standby: ChildProcess;
}

/**
 * A leader, a standby, and a bad release. What is done to the leader is the story's.
 *
 * @param crashPoint - where the leader ends or stops itself
 * @param disturb - what is done to the leader from outside, begun before the release
 */
async function disturbedRollback(
  namespace: string,
  crashPoint: CrashPoint | undefined,
  disturb: (at: Disturbed & {readonly actions: Watched<string>}) => Promise<void>,
): Promise<Disturbed> {
  const env = {LEASE_NAME: namespace, WATCH_NAMESPACES: namespace};
  const leader = world.startOperator(env, crashPoint);
  await leads(namespace, leader);
  const standby = world.startOperator(env);
  await world.scene(namespace, 50, {'example/api:2': {badShare: 0.2}});
  await world.create(namespace);
  const good = await world.good(namespace);
  const before = await world.deploymentPatches(namespace);
  const {metadata} = await world.api(namespace);
  const actions = watchActions(namespace, metadata.resourceVersion);
  const disturbed = disturb({namespace, leader, standby, actions});
  disturbed.catch(() => undefined);
  await world.patchSpec(namespace, {image: 'example/api:2'});
  await disturbed;
  await leads(namespace, standby);
  const ended = await world.until(
    namespace,
    'the bad revision is rejected',
    ({status}) => status?.revisions?.suspended?.[0]?.state === 'Rejected',
    STATE_TIMEOUT_MS,
  );
  expect(ended.status?.revisions?.serving).toBe(good);
  expect(conditionOf(ended, 'Ready')).toBe('False RevisionRejected');
  expect(ended.status?.remediation?.recentActions).toEqual([
    expect.objectContaining({kind: 'Rollback', outcome: 'Helped', toRevision: good}),
  ]);
  // One patch that released the bad revision, and exactly one that rolled it back.
  expect(await world.deploymentPatches(namespace)).toHaveLength(before.length + 2);
  expect(await world.replicaSets(namespace)).toHaveLength(2);
  await actions.end();
  // The record was neither forgotten nor repeated.
  expect(new Set(actions.seen.map((action) => action.split(' ')[0])).size).toBe(1);
  expect(actions.seen[0]).toMatch(/ Recorded$/);
  return {namespace, leader, standby};
}

/** Which process made the patch of the Deployment that came last. */
async function lastPatchBy(namespace: string): Promise<string | undefined> {
  return (await world.deploymentPatches(namespace)).at(-1)?.userAgent;
}

const agentOf = ({pid}: ChildProcess): string => `${OPERATOR_AGENT}/${String(pid)}`;

async function killedFromOutside(): Promise<void> {
  await disturbedRollback('killed-outside', undefined, async ({actions, leader}) => {
    const end = endOf(leader);
    await actions.first();
    leader.kill('SIGKILL');
    expect(await end).toBe('SIGKILL');
  });
}

async function killedAfterRecord(): Promise<void> {
  const {namespace, standby} = await disturbedRollback(
    'killed-recorded',
    {signal: 'SIGKILL', requests: [RECORD]},
    async ({leader}) => expect(await endOf(leader)).toBe('SIGKILL'),
  );
  expect(await lastPatchBy(namespace)).toBe(agentOf(standby));
}

async function killedAfterAct(): Promise<void> {
  const {namespace, leader} = await disturbedRollback(
    'killed-acted',
    {signal: 'SIGKILL', requests: [RECORD, ACT]},
    async ({leader: victim}) => expect(await endOf(victim)).toBe('SIGKILL'),
  );
  expect(await lastPatchBy(namespace)).toBe(agentOf(leader));
}

async function stoppedAfterRecord(): Promise<void> {
  const {namespace, leader, standby} = await disturbedRollback(
    'stopped-recorded',
    {signal: 'SIGSTOP', requests: [RECORD]},
    async (at) => {
      // It stands still with the action before it; its lease runs out, and the moment another leads it goes on.
      await leads(at.namespace, at.standby);
      const end = endOf(at.leader);
      at.leader.kill('SIGCONT');
      expect(await end).toBe('1');
    },
  );
  expect(await lastPatchBy(namespace)).toBe(agentOf(standby));
  const agents = [agentOf(leader), agentOf(standby)];
  const writes = await readAudit(
    world.plane.auditLogPath,
    (event) => isWrite(event) && agents.includes(event.userAgent ?? ''),
  );
  const taken = writes.find(
    ({objectRef, responseStatus, userAgent}) =>
      objectRef?.resource === 'leases' && userAgent === agentOf(standby) && responseStatus?.code === 200,
  );
  const since = taken?.requestReceivedTimestamp ?? '';
  expect(since).not.toBe('');
  // By its Lease, which it is refused, it finds out; an event tells of the record, which it did make.
  const late = writes.filter(
    ({objectRef, requestReceivedTimestamp, userAgent}) =>
      userAgent === agentOf(leader) &&
      requestReceivedTimestamp > since &&
      !['events', 'leases'].includes(objectRef?.resource ?? ''),
  );
  expect(late.map(({verb, requestURI}) => `${verb} ${requestURI}`)).toEqual([]);
}

sideBySide(
  'a rollback whose leader',
  {
    start: async () => {
      world = await Simulation.start();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  {
    'is killed as soon as the record can be seen is carried out once': killedFromOutside,
    'is killed between record and act is carried out once, by the successor': killedAfterRecord,
    'is killed right after it acted is not carried out again': killedAfterAct,
    'is stopped between record and act is carried out by the successor, and the former leader changes nothing more':
      stoppedAfterRecord,
  },
);

afterAll(async () => {
  await world.stop();
});
