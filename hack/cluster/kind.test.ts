import {chmod, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {parseAllDocuments} from 'yaml';
import {run, type CommandError} from '../lib/exec.ts';
import {downCommand, loadCommand, requireKind, upPlan} from './kind.ts';

/* What is asked of kind, and in which order. That Docker then runs a cluster is for the workflow kind.yml to see. */
const PATHS = {kubectlPath: '/bin/kubectl', kubeconfigPath: '/state/kind/demo.kubeconfig'};
const refs = {
  coredns: 'coredns:1',
  'metrics-server': 'metrics-server:1',
  'local-path-provisioner': 'local-path:1',
  pause: 'pause:1',
  volume: 'volume:1',
};
const ADDONS = {archive: '/cache/images.tar', refs};
const CREATE =
  'kind create cluster --name maintenance-api-demo --kubeconfig /state/kind/demo.kubeconfig --config - --wait 300s';
const JOIN = 'kind export kubeconfig --name maintenance-api-demo --kubeconfig /state/kind/demo.kubeconfig';
const REST = [
  'kind load image-archive /cache/images.tar --name maintenance-api-demo',
  '/bin/kubectl --kubeconfig /state/kind/demo.kubeconfig apply --server-side -f -',
  '/bin/kubectl --kubeconfig /state/kind/demo.kubeconfig wait --for=condition=Available apiservice/v1beta1.metrics.k8s.io --timeout=300s',
];

describe('the plan', () => {
  test.each([
    ['starts a cluster', false, CREATE],
    ['joins one that is there', true, JOIN],
  ])('%s and gives it resource metrics', (_, exists, first) => {
    const plan = upPlan('demo', exists, PATHS, ADDONS);
    expect(plan.map(({command}) => command.join(' '))).toEqual([first, ...REST]);
  });

  test('tells kind of one node, and kubectl of metrics-server alone', () => {
    const inputs = upPlan('demo', false, PATHS, ADDONS).flatMap(({input}) => (input === undefined ? [] : [input]));
    expect(parseAllDocuments(inputs[0] ?? '').map((document) => document.toJS() as unknown)).toEqual([
      {kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4', nodes: [{role: 'control-plane'}]},
    ]);
    const objects = parseAllDocuments(inputs[1] ?? '').map((document) => document.toJS() as unknown) as {
      kind: string;
      metadata: {name: string};
    }[];
    expect(objects.filter(({kind}) => kind === 'Deployment' || kind === 'APIService')).toMatchObject([
      {metadata: {name: 'metrics-server'}, spec: {template: {spec: {containers: [{image: 'metrics-server:1'}]}}}},
      {metadata: {name: 'v1beta1.metrics.k8s.io'}},
    ]);
  });

  test('touches no cluster of another name', () => {
    expect(loadCommand('demo', 'a.tar').at(-1)).toBe('maintenance-api-demo');
    expect(downCommand('demo', 'file')).toContain('maintenance-api-demo');
    expect(() => loadCommand('Not A Name', 'a.tar')).toThrow(RangeError);
  });
});

test('what is missing is named, with what to do', async () => {
  await expect(requireKind(() => Promise.resolve(undefined))).rejects.toThrow(/docker, .*\n.*kind, .*--provider local/);
  await expect(requireKind(() => Promise.resolve('/bin/there'))).resolves.toBeUndefined();
});

describe('the command', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kind-test-'));
    for (const name of ['docker', 'kind']) {
      // Writes down what it was asked; no cluster is there.
      await writeFile(join(folder, name), `#!/bin/sh\necho "$(basename "$0") $*" >> '${folder}/asked'\n`);
      await chmod(join(folder, name), 0o755);
    }
  });

  afterEach(async () => rm(folder, {recursive: true}));

  async function cluster(...args: string[]): Promise<{message: string; asked: string[]}> {
    const env = {...process.env, PATH: `${folder}:${process.env.PATH ?? ''}`, XDG_STATE_HOME: folder};
    const command = [process.execPath, join(import.meta.dirname, 'main.ts'), ...args, '--provider', 'kind'] as const;
    const message = await run([...command], {env}).then(
      ({stdout}) => stdout,
      (error: unknown) => (error as CommandError).outputTail,
    );
    return {message, asked: (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n')};
  }

  test('removes the cluster of its name', async () => {
    const kubeconfig = join(folder, 'maintenance-api/kind/demo.kubeconfig');
    expect(await cluster('down', '--name', 'demo')).toEqual({
      message: '',
      asked: [`kind delete cluster --name maintenance-api-demo --kubeconfig ${kubeconfig}`],
    });
  });

  test('makes an image known', async () => {
    const {asked} = await cluster('load-image', 'a.tar', 'a:1', '--name', 'demo');
    expect(asked).toEqual(['kind load image-archive a.tar --name maintenance-api-demo']);
  });

  test.each(['status', 'kubeconfig', 'env'])('%s says that there is none', async (command) => {
    expect(await cluster(command, '--name', 'demo')).toEqual({
      message: 'no kind cluster demo runs: npm run cluster -- up --provider kind',
      asked: ['kind get clusters'],
    });
  });
});
