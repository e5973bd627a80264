import {createHash} from 'node:crypto';
import {readFile, rename} from 'node:fs/promises';
import {arch} from 'node:os';
import {join} from 'node:path';
import {cached} from '../lib/cache.ts';
import {run} from '../lib/exec.ts';
import {goEnvironment, goProgram} from '../lib/go.ts';
import type {Progress, ProgressTask} from '../lib/progress.ts';

/** The Go module that pins every version; part of the tree. */
const MODULE = join(import.meta.dirname, 'go');
const KUBERNETES_VERSION = 'v1.36.3';

/** Programs by the step that needs them first, so that a control plane needn't wait for a node's. */
const GROUPS = {
  'control-plane': {
    'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
    kubectl: 'k8s.io/kubernetes/cmd/kubectl',
    etcd: 'go.etcd.io/etcd/server/v3',
  },
  node: {
    'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
    'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
    kubelet: 'k8s.io/kubernetes/cmd/kubelet',
    'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
    'node-init': './node-init',
  },
  addons: {
    coredns: './coredns',
    'metrics-server': 'sigs.k8s.io/metrics-server/cmd/metrics-server',
    'local-path-provisioner': 'github.com/rancher/local-path-provisioner',
    pause: './pause',
    volume: './volume',
  },
} as const satisfies Record<string, Record<string, string>>;

export type ProgramGroup = keyof typeof GROUPS;

/** What is usual on two cores from nothing; the second and later groups share the first one's packages. */
const COLD_BUILD: Record<ProgramGroup, string> = {
  'control-plane': 'about 4 minutes on 2 cores',
  node: 'about 2 minutes on 2 cores',
  addons: 'about half a minute on 2 cores',
};

/**
 * Builds a group of the cluster's programs from their Go modules, or takes them from the cache.
 * @param group - which
 * @param progress - shows the build when there is one
 * @returns the folder that holds them under the names of GROUPS
 * @throws PreflightError when there is no Go and it can't be installed
 * @throws CommandError when the build fails
 */
export async function programs(group: ProgramGroup, progress: Progress): Promise<string> {
  const key = `cluster-${group}/${await sourceHash(group)}`;
  const options = {
    onWait: (holder: string) => {
      progress.note(`waiting for ${holder}, which builds the same programs`);
    },
  };
  return cached(key, async (directory) => build(group, directory, progress), options);
}

async function build(group: ProgramGroup, directory: string, progress: Progress): Promise<void> {
  const go = await goProgram('builds Kubernetes for the local cluster', progress);
  const entries = Object.entries(GROUPS[group]);
  const names = entries.map(([name]) => name).join(', ');
  await progress.run(`building ${names} (from nothing ${COLD_BUILD[group]})`, async (task) => {
    await run(
      [
        go,
        'build',
        '-v',
        '-trimpath',
        '-buildvcs=false',
        '-ldflags',
        linkerFlags(),
        '-o',
        `${directory}/`,
        ...packages(group),
      ],
      {cwd: MODULE, env: goEnvironment(), onStderrLine: countPackages(task), diesWithCaller: true},
    );
    for (const [name, path] of entries) {
      const built =
        path
          .replace(/\/v\d+$/, '')
          .split('/')
          .at(-1) ?? name;
      if (built !== name) await rename(join(directory, built), join(directory, name));
    }
  });
}

function countPackages(task: ProgressTask): (line: string) => void {
  let compiled = 0;
  return (line) => {
    if (line.startsWith('go: ')) {
      task.detail(line.slice('go: '.length));
    } else {
      compiled += 1;
      task.detail(`${String(compiled)} packages compiled, now ${line}`);
    }
  };
}

function packages(group: ProgramGroup): string[] {
  return Object.values(GROUPS[group]);
}

function linkerFlags(): string {
  const [major, minor] = KUBERNETES_VERSION.slice(1).split('.');
  const version = 'k8s.io/component-base/version';
  return `-s -w -X ${version}.gitVersion=${KUBERNETES_VERSION} -X ${version}.gitMajor=${String(major)} -X ${version}.gitMinor=${String(minor)}`;
}

/** The versions, and those sources of ours that the group is built from. */
async function sourceHash(group: ProgramGroup): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([group, GROUPS[group], linkerFlags(), arch()]));
  const own = packages(group).filter((path) => path.startsWith('./'));
  for (const file of ['go.mod', 'go.sum', ...own.map((path) => join(path, 'main.go'))]) {
    hash.update(`\0${file}\0`).update(await readFile(join(MODULE, file)));
  }
  return hash.digest('hex').slice(0, 12);
}
