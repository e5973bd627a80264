import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {controlPlane, type ControlPlane} from '../../hack/cluster/index.ts';
import {isRunning, readPidFile, run, type CommandOutput} from '../../hack/lib/exec.ts';
import {silentProgress} from '../../hack/lib/progress.ts';

/** The first run of all may have to build Kubernetes. */
const BUILD_TIMEOUT_MS = 30 * 60_000;
const TIMEOUT_MS = 120_000;
const INDEX = join(import.meta.dirname, '../../hack/cluster/index.ts');

async function kubectl(plane: ControlPlane, kubeconfig: string, ...args: string[]): Promise<CommandOutput> {
  return run([plane.kubectlPath, '--kubeconfig', kubeconfig, ...args]);
}

describe('control planes', () => {
  let one: ControlPlane;
  let two: ControlPlane;

  beforeAll(async () => {
    [one, two] = await Promise.all([
      controlPlane({progress: silentProgress}),
      controlPlane({progress: silentProgress}),
    ]);
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await Promise.all([one.stop(), two.stop()]);
  }, TIMEOUT_MS);

  test(
    'know nothing of each other',
    async () => {
      await kubectl(one, one.kubeconfigPath, 'create', 'namespace', 'only-here');
      await kubectl(one, one.kubeconfigPath, 'get', 'namespace', 'only-here');
      await expect(kubectl(two, two.kubeconfigPath, 'get', 'namespace', 'only-here')).rejects.toThrow(/NotFound/);
    },
    TIMEOUT_MS,
  );

  test(
    'authorise by RBAC',
    async () => {
      const alice = await one.kubeconfigFor('alice', ['readers']);
      await expect(kubectl(one, alice, 'get', 'configmaps')).rejects.toThrow(
        /"alice" cannot list resource "configmaps"/,
      );
      const create = ['create', 'clusterrole', 'read', '--verb=list', '--resource=configmaps'];
      await kubectl(one, one.kubeconfigPath, ...create);
      const bind = ['create', 'clusterrolebinding', 'read', '--clusterrole=read', '--group=readers'];
      await kubectl(one, one.kubeconfigPath, ...bind);
      // The authoriser sees a new binding by its own watch, a moment later.
      const mayList = async (): Promise<boolean> =>
        kubectl(one, alice, 'get', 'configmaps').then(
          () => true,
          () => false,
        );
      while (!(await mayList()));
      await expect(kubectl(one, alice, 'create', 'configmap', 'mine')).rejects.toThrow(/cannot create resource/);
    },
    TIMEOUT_MS,
  );

  test(
    'note each answered request once, with its user, object and agent',
    async () => {
      await kubectl(one, one.kubeconfigPath, 'create', 'configmap', 'audited');
      const lines = (await readFile(one.auditLogPath, 'utf8')).split('\n').filter((line) => line.includes('"audited"'));
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
        expect.objectContaining({
          stage: 'ResponseComplete',
          verb: 'create',
          user: expect.objectContaining({username: 'admin'}),
          userAgent: expect.stringContaining('kubectl/'),
          objectRef: expect.objectContaining({resource: 'configmaps', namespace: 'default', name: 'audited'}),
        }),
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    'come back at the same address with the same data after kill -9',
    async () => {
      await kubectl(two, two.kubeconfigPath, 'create', 'namespace', 'kept');
      await two.apiServer.kill9();
      await expect(kubectl(two, two.kubeconfigPath, 'get', 'namespace', 'kept')).rejects.toThrow(/refused/);
      await two.apiServer.restart();
      await kubectl(two, two.kubeconfigPath, 'get', 'namespace', 'kept');
    },
    TIMEOUT_MS,
  );
});

test(
  'a control plane whose owner was killed is removed by the next one',
  async () => {
    const state = await mkdtemp(join(tmpdir(), 'control-plane-test-'));
    const environment = {...process.env, XDG_STATE_HOME: state};
    const parent = join(state, 'maintenance-api/control-planes');
    const script = (after: string): string[] => [
      '--input-type=module',
      '--eval',
      `import {controlPlane} from ${JSON.stringify(INDEX)}; const plane = await controlPlane(); ${after}`,
    ];
    const owner = spawn(process.execPath, script("console.log('ready'); setInterval(() => undefined, 1000);"), {
      env: environment,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(owner.stdout, 'data');
    const [name = ''] = await readdir(parent);
    const folder = join(parent, name);
    const processes = await Promise.all(
      ['etcd', 'kube-apiserver'].map(async (program) => readPidFile(join(folder, `${program}.pid`))),
    );
    const running = async (): Promise<boolean[]> =>
      Promise.all(processes.map(async (identity) => identity !== undefined && isRunning(identity)));
    const ended = once(owner, 'exit');
    owner.kill('SIGKILL');
    await ended;
    expect(await running()).toEqual([true, true]);

    await run([process.execPath, ...script('await plane.stop();')], {env: environment});
    expect(await running()).toEqual([false, false]);
    expect(existsSync(folder)).toBe(false);
    expect(await readdir(parent)).toEqual([]);
    await rm(state, {recursive: true});
  },
  BUILD_TIMEOUT_MS,
);
