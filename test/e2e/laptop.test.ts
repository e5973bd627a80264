import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {createWriteStream} from 'node:fs';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {World} from '../harness/world.ts';
import {waitFor} from '../harness/wait.ts';

/*
 * `npm run operator` in the place of the installed one: pods and database are reached through the API server, with no
 * more rights than the installed one has and config/laptop adds.
 */
const WHERE = {namespace: 'laptop', name: 'tasks'} as const;
const SYSTEM = 'maintenance-api-system';
const OPERATOR = 'maintenance-api-operator';
const TIMEOUT_MS = 300_000;
const root = join(import.meta.dirname, '../..');
let world: World;
let folder: string;
let operator: ChildProcess | undefined;
const logPath = (): string => join(world.artifacts, 'laptop-npm-run-operator.log');

/** A kubeconfig with which its holder is the operator's service account. */
async function kubeconfig(): Promise<string> {
  const config = JSON.parse(await world.kubectl(['config', 'view', '--raw', '-o', 'json'])) as {
    users: {name: string; user: object}[];
  };
  const token = (await world.kubectl(['create', 'token', '-n', SYSTEM, OPERATOR])).trim();
  const users = config.users.map(({name}) => ({name, user: {token}}));
  const path = join(folder, 'kubeconfig');
  await writeFile(path, JSON.stringify({...config, users}), {mode: 0o600});
  return path;
}

async function installedReplicas(count: number): Promise<void> {
  await world.kubectl(['scale', '-n', SYSTEM, `deployment/${OPERATOR}`, `--replicas=${String(count)}`]);
  await waitFor(
    `${String(count)} pods of the installed operator`,
    async () => {
      const pods = await world.list<object>('pods', SYSTEM, `app.kubernetes.io/name=${OPERATOR}`);
      return pods.length === count ? true : undefined;
    },
    60_000,
  );
}

function startOperator(path: string): ChildProcess {
  const child = spawn('npm', ['run', '--silent', 'operator'], {
    cwd: root,
    env: {...process.env, KUBECONFIG: path, POD_NAMESPACE: SYSTEM},
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, which gets Ctrl-C as a terminal's does.
    detached: true,
  });
  const log = createWriteStream(logPath());
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  return child;
}

beforeAll(async () => {
  world = await World.join('e2e');
  folder = await mkdtemp(join(tmpdir(), 'laptop-'));
  await world.createNamespace(WHERE.namespace);
  await world.kubectl(['apply', '-k', join(root, 'config/laptop')]);
  await world.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: {name: 'laptop-story'},
    roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'maintenance-api-operator-laptop'},
    subjects: [{kind: 'ServiceAccount', name: OPERATOR, namespace: SYSTEM}],
  });
  await installedReplicas(0);
  operator = startOperator(await kubeconfig());
  await world.apply(world.maintenanceApi(WHERE.namespace, WHERE.name, {replicas: 1, autoscaling: undefined}));
}, 2 * TIMEOUT_MS);

afterAll(async () => {
  const running = operator?.exitCode === null && operator.signalCode === null;
  if (running && operator?.pid !== undefined) process.kill(-operator.pid, 'SIGKILL');
  await world.kubectl(['delete', 'clusterrolebinding', 'laptop-story']);
  await installedReplicas(2);
  await world.kubectl(['rollout', 'status', '-n', SYSTEM, `deployment/${OPERATOR}`, '--timeout=120s']);
  await rm(folder, {recursive: true});
  await world.leave(WHERE.namespace);
}, TIMEOUT_MS);

describe('npm run operator', () => {
  test(
    'brings a resource up, measures its pods and makes its release the last known good',
    async () => {
      await world.waitReady(WHERE, TIMEOUT_MS);
      await world.startLoad(WHERE, {name: 'steady', rate: 20, seconds: 90, writes: 0});
      const good = await world.waitGood(WHERE, TIMEOUT_MS);
      expect(good.status?.revisions?.lastKnownGood).toBe(good.status?.revisions?.serving);
    },
    2 * TIMEOUT_MS,
  );

  test('remembers which server the volume holds, so that it is never initialised again', async () => {
    const [uuid] = await world.query(WHERE, 'SELECT @@server_uuid');
    const state = await world.get<{data: Record<string, string>}>(
      'secret',
      `${WHERE.name}-mysql-state`,
      WHERE.namespace,
    );
    const remembered = Object.values(state?.data ?? {}).map((value) => Buffer.from(value, 'base64').toString('utf8'));
    expect(remembered).toEqual([uuid]);
  });

  test('ends with Ctrl-C in good order, and the lease is free at once', async () => {
    const ended = once(operator as ChildProcess, 'exit');
    process.kill(-(operator?.pid ?? 0), 'SIGINT');
    await ended;
    await waitFor(
      'the lease is free',
      async () => {
        const lease = await world.get<{spec: {holderIdentity?: string}}>('lease', OPERATOR, SYSTEM);
        return (lease?.spec.holderIdentity ?? '') === '' ? true : undefined;
      },
      10_000,
    );
    expect(await readFile(logPath(), 'utf8')).not.toMatch(/"level":(50|60)/);
  }, 60_000);
});
