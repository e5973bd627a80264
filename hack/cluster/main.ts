import {readFile, readdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {parseArgs} from 'node:util';
import {PreflightError} from '../lib/apt.ts';
import {CommandError} from '../lib/exec.ts';
import {createProgress, formatDuration, type Progress} from '../lib/progress.ts';
import {shellQuote} from '../lib/shell.ts';
import {ImageLoadError} from './cluster.ts';
import {controlPlane, namedControlPlane, stopControlPlane} from './control-plane.ts';
import {existingCluster} from './existing.ts';
import {joinKindCluster, kindCluster, loadIntoKind, stopKindCluster} from './kind.ts';
import {joinLocalCluster, localCluster, localClusterState, purgeLocalCluster, stopLocalCluster} from './local.ts';
import {ClusterStartError} from './ready.ts';

const USAGE = `usage: npm run cluster -- COMMAND [OPTIONS]

  up                      start the cluster, or join the one that runs; prints its kubeconfig's path
  down [--purge]          stop it; its images and logs stay unless --purge
  status                  what runs
  load-image ARCHIVE REF  make an image of a docker or OCI archive known to the node
  kubeconfig              print the path of the kubeconfig
  env                     print what points a shell's kubectl at it: eval "$(npm run --silent cluster -- env)"
  logs [COMPONENT]        print a component's log, or which there are

  --provider local        a node on this machine (default)
  --provider kind         one in Docker, by kind; both must be installed
  --provider existing     a cluster of your own, by --context NAME
  --control-plane-only    only etcd and the API server
  --name NAME             one of several local clusters (default: local)
`;

/** The command line can't be understood. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const PROVIDERS = ['local', 'kind', 'existing'] as const;

interface Invocation {
  readonly provider: (typeof PROVIDERS)[number];
  readonly command: string;
  readonly args: readonly string[];
  readonly name: string;
  readonly controlPlaneOnly: boolean;
  readonly purge: boolean;
  /** The context of provider existing; undefined for the others. */
  readonly context: string | undefined;
}

function parse(argv: readonly string[]): Invocation {
  const {values, positionals} = parseCommandLine(argv);
  const [command = '', ...args] = positionals;
  const provider = PROVIDERS.find((known) => known === values.provider);
  if (provider === undefined) {
    throw new UsageError(`--provider is ${PROVIDERS.join(', ')}; not ${values.provider}`);
  }
  if (provider === 'existing' && values.context === undefined) {
    throw new UsageError('--provider existing needs --context NAME: no cluster is touched unless it is named');
  }
  if (provider !== 'existing' && values.context !== undefined) {
    throw new UsageError('--context belongs to --provider existing');
  }
  return {
    provider,
    command,
    args,
    name: values.name,
    controlPlaneOnly: values['control-plane-only'],
    purge: values.purge,
    context: values.context,
  };
}

function parseCommandLine(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        provider: {type: 'string', default: 'local'},
        context: {type: 'string'},
        name: {type: 'string', default: 'local'},
        'control-plane-only': {type: 'boolean', default: false},
        purge: {type: 'boolean', default: false},
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const invocation = parse(argv);
  const progress = createProgress();
  if (invocation.context !== undefined) await withExisting(invocation, invocation.context, progress);
  else if (invocation.provider === 'kind') await withKind(invocation, progress);
  else if (invocation.controlPlaneOnly) await withControlPlane(invocation, progress);
  else await withLocal(invocation, progress);
}

async function withExisting({command}: Invocation, context: string, progress: Progress): Promise<void> {
  switch (command) {
    case 'up':
    case 'status':
    case 'kubeconfig': {
      const cluster = await existingCluster({context, progress});
      if (command === 'status') print(`context ${context}: the API server is ready`);
      else print(cluster.kubeconfigPath);
      return;
    }
    case 'down':
      progress.note(`context ${context}: nothing was created, so there is nothing to remove`);
      return;
    case 'load-image':
      throw new UsageError(
        `images can't be put into a cluster of someone else's: push them to a registry that context ${context} pulls from (docker push, skopeo copy), and name that registry in the overlay`,
      );
    case 'logs':
      throw new UsageError(`the logs of context ${context} are with whoever runs it`);
    case 'env':
      throw new UsageError(`env is for a cluster of this machine: kubectl config use-context ${context} does it there`);
    default:
      throw new UsageError(`unknown command: ${command}`);
  }
}

async function withKind({command, args, name, controlPlaneOnly}: Invocation, progress: Progress): Promise<void> {
  if (controlPlaneOnly) throw new UsageError('--control-plane-only belongs to --provider local');
  switch (command) {
    case 'up':
      print((await kindCluster(name, progress)).kubeconfigPath);
      return;
    case 'down':
      return stopKindCluster(name);
    case 'status':
    case 'kubeconfig':
    case 'env': {
      const found = await joinKindCluster(name, progress);
      if (command === 'env') printEnvironment(found.kubeconfigPath, found.kubectlPath);
      else print(command === 'status' ? `kind cluster ${name}: there` : found.kubeconfigPath);
      return;
    }
    case 'load-image': {
      const [archive, ref] = imageArguments(args);
      return progress.run(`loading ${ref}`, async () => loadIntoKind(name, archive));
    }
    case 'logs':
      throw new UsageError(`kind keeps the logs: kind export logs --name maintenance-api-${name}`);
    default:
      throw new UsageError(`unknown command: ${command}`);
  }
}

async function withControlPlane({command, name}: Invocation, progress: Progress): Promise<void> {
  switch (command) {
    case 'up': {
      const started = performance.now();
      const {kubeconfigPath} = await controlPlane({name, progress});
      progress.note(`control plane ${name} is ready (${formatDuration(performance.now() - started)})`);
      print(kubeconfigPath);
      return;
    }
    case 'down':
      return stopControlPlane(name);
    case 'status':
    case 'kubeconfig': {
      const found = await namedControlPlane(name);
      if (found === undefined)
        throw new ClusterStartError(`no control plane ${name} runs: npm run cluster -- up --control-plane-only`);
      print(found.kubeconfigPath);
      return;
    }
    case 'load-image':
    case 'logs':
    case 'env':
      throw new UsageError(`${command} needs a whole cluster, not --control-plane-only`);
    default:
      throw new UsageError(`unknown command: ${command}`);
  }
}

async function withLocal({command, args, name, purge}: Invocation, progress: Progress): Promise<void> {
  switch (command) {
    case 'up': {
      const started = performance.now();
      const {kubeconfigPath, kubectlPath} = await localCluster({name, progress});
      progress.note(`cluster ${name} is ready (${formatDuration(performance.now() - started)}); look around by`);
      progress.note(`  export KUBECONFIG=${kubeconfigPath}\n  ${kubectlPath} get pods --all-namespaces`);
      print(kubeconfigPath);
      return;
    }
    case 'down':
      return purge ? purgeLocalCluster(name, progress) : stopLocalCluster(name, progress);
    case 'status':
      return printStatus(name);
    case 'load-image': {
      const [archive, ref] = imageArguments(args);
      const cluster = await joinLocalCluster(name);
      return progress.run(`loading ${ref}`, async () => cluster.loadImage(archive, ref));
    }
    case 'kubeconfig':
      print((await joinLocalCluster(name)).kubeconfigPath);
      return;
    case 'env': {
      const {kubeconfigPath, kubectlPath} = await joinLocalCluster(name);
      printEnvironment(kubeconfigPath, kubectlPath);
      return;
    }
    case 'logs':
      return printLogs(name, args[0]);
    default:
      throw new UsageError(command === '' ? 'a command is missing' : `unknown command: ${command}`);
  }
}

function imageArguments(args: readonly string[]): [archive: string, ref: string] {
  const [archive, ref, ...rest] = args;
  if (archive === undefined || ref === undefined || rest.length > 0) throw new UsageError('load-image ARCHIVE REF');
  return [archive, ref];
}

function printEnvironment(kubeconfigPath: string, kubectlPath: string): void {
  print(`export KUBECONFIG=${shellQuote(kubeconfigPath)}`);
  print(`export PATH=${shellQuote(dirname(kubectlPath))}:"$PATH"`);
}

async function printStatus(name: string): Promise<void> {
  const {components, layout, ready} = await localClusterState(name);
  print(`cluster ${name}: ${ready === true ? 'ready' : `not ready: ${ready}`}`);
  for (const component of components) print(`  ${component.running ? 'running' : 'ended  '}  ${component.name}`);
  print(`  logs: ${layout.artifacts}`);
}

async function printLogs(name: string, component: string | undefined): Promise<void> {
  const {layout} = await localClusterState(name);
  const logs = (await readdir(layout.artifacts)).flatMap((file) =>
    file.endsWith('.log') ? [file.slice(0, -'.log'.length)] : [],
  );
  if (component === undefined) print(logs.join('\n'));
  else if (logs.includes(component)) process.stdout.write(await readFile(join(layout.artifacts, `${component}.log`)));
  else throw new UsageError(`there is no log of ${component}; there are those of ${logs.join(', ')}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (
    error instanceof PreflightError ||
    error instanceof ClusterStartError ||
    error instanceof CommandError ||
    error instanceof ImageLoadError ||
    error instanceof RangeError
  ) {
    // Expected kinds: their text says what to do, and a stack would bury it.
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
