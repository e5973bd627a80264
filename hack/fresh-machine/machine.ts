import {mkdir, realpath, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {rootfs} from '../images/rootfs.ts';
import type {RootfsRecipe} from '../images/rootfs.ts';
import {findProgram, PreflightError} from '../lib/apt.ts';
import {run} from '../lib/exec.ts';
import type {Progress} from '../lib/progress.ts';
import type {Mount} from './enter.ts';
import {copySystemSettings, copyUserSettings} from './registries.ts';
import {shellQuote} from '../lib/shell.ts';

/** What a new machine has before anything is installed for the project, besides Node.js, npm and Go. */
const NEW_MACHINE: RootfsRecipe = {
  name: 'new-machine',
  suite: 'bookworm',
  packages: ['ca-certificates', 'git', 'libstdc++6'],
  // Copied for every run: what only people read is left out, as in Debian's slim images.
  strip: ['dev/*', 'usr/share/{doc,locale,man}/*', 'var/cache/apt/archives/*.deb', 'var/lib/apt/lists/*'],
  users: [],
};

/** Where things are in the fresh machine. */
export const MACHINE = {
  home: '/root',
  project: '/srv/project',
  cache: '/var/cache/kept',
  path: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin',
} as const;

/**
 * Makes a clone of the last commit that knows nothing of where it came from.
 * @param repository - absolute path of a work tree
 * @param folder - where the clone shall be
 */
export async function cloneHead(repository: string, folder: string): Promise<void> {
  const {stdout: head} = await run(['git', '-C', repository, 'rev-parse', 'HEAD']);
  await run(['git', 'clone', '--quiet', '--no-local', '--no-checkout', repository, folder]);
  await run(['git', '-C', folder, 'remote', 'remove', 'origin']);
  await run(['git', '-C', folder, 'checkout', '--quiet', '-B', 'main', head.trim()]);
}

/**
 * Makes the root folder of a fresh Debian 12 with a clone and the settings that registries need.
 * @param root - an empty folder
 * @param repository - absolute path of the work tree to clone
 * @param progress - shows the half minute of the first time on this machine
 * @returns what of this machine is to be mounted in it: Node.js, npm and Go, wherever they were installed
 * @throws PreflightError when debootstrap, Node.js, npm or Go is missing
 */
export async function prepareMachine(root: string, repository: string, progress: Progress): Promise<Mount[]> {
  const system = await rootfs(NEW_MACHINE, progress);
  return progress.run('a fresh machine', async () => {
    await run(['cp', '--archive', '--reflink=auto', `${system}/.`, root]);
    await copySystemSettings(root);
    await copyUserSettings(join(root, MACHINE.home));
    await cloneHead(repository, join(root, MACHINE.project));
    await mkdir(join(root, MACHINE.cache));
    return prepareTools(root);
  });
}

async function prepareTools(root: string): Promise<Mount[]> {
  const [node, npm, go] = await Promise.all([machineNode(), findProgram('npm'), findProgram('go')]);
  if (node === undefined || npm === undefined || go === undefined) {
    throw new PreflightError(['node, npm or go: install Node.js 18, npm and Go 1.21 or newer']);
  }
  const tools = {
    node: '/usr/local/bin/node',
    npm: '/usr/local/lib/node_modules/npm',
    go: '/usr/local/go',
  };
  await writeFile(join(root, tools.node), '');
  for (const folder of [tools.npm, tools.go]) await mkdir(join(root, folder), {recursive: true});
  for (const name of ['npm', 'npx']) {
    await symlink(`${tools.npm}/bin/${name}-cli.js`, join(root, 'usr/local/bin', name));
  }
  const goRoot = (await run(['go', 'env', 'GOROOT'])).stdout.trim();
  return [
    {from: node, to: tools.node, readOnly: true},
    // The program is …/npm/bin/npm-cli.js.
    {from: dirname(dirname(await realpath(npm))), to: tools.npm, readOnly: true},
    {from: goRoot, to: tools.go, readOnly: true},
  ];
}

/** The Node.js that was on this machine before the project brought its own, which comes first in PATH. */
async function machineNode(): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('/node_modules/'));
  const found = await findProgram('node', {PATH: folders.join(':')});
  return found === undefined ? undefined : realpath(found);
}

/**
 * Writes the script that is process 1 of the run: it runs the command, takes in orphans and ends with the command.
 * @param file - where to
 * @param command - for sh
 * @param folder - where it runs
 * @param env - all of its environment
 */
export async function writeInit(
  file: string,
  command: string,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const assignments = Object.entries(env).map(([name, value]) => shellQuote(`${name}=${value}`));
  const invocation = `env -i ${assignments.join(' ')} sh -c ${shellQuote(command)}`;
  // Not the script's last command, which a shell may become: process 1 must stay to take in orphans.
  await writeFile(file, `cd ${shellQuote(folder)} || exit 1\n${invocation}\nexit $?\n`, {mode: 0o600});
}
