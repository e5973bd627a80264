import {chmod, copyFile, cp, mkdir, realpath, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {rootfs} from '../images/rootfs.ts';
import type {RootfsRecipe} from '../images/rootfs.ts';
import {findProgram, PreflightError} from '../lib/apt.ts';
import {run} from '../lib/exec.ts';
import type {Progress} from '../lib/progress.ts';
import {copySystemSettings, copyUserSettings} from './registries.ts';

/** What a new machine has before anything is installed for the project, besides Node.js, npm and Go. */
const NEW_MACHINE: RootfsRecipe = {
  name: 'new-machine',
  suite: 'bookworm',
  packages: ['ca-certificates', 'git', 'libstdc++6'],
  strip: ['dev/*'],
  users: [],
};

/** Where things are in the fresh machine. */
export const MACHINE = {
  home: '/root',
  project: '/root/project',
  cache: '/var/cache/kept',
  goRoot: '/usr/local/go',
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
 * Makes the root folder of a fresh Debian 12 with this machine's Node.js, npm and Go, the clone in its home and the
 * settings that registries need.
 * @param root - an empty folder
 * @param repository - absolute path of the work tree to clone
 * @param progress - shows the half minute of the first time on this machine
 * @returns this machine's Go folder, which the fresh machine expects at MACHINE.goRoot
 * @throws PreflightError when debootstrap, npm or Go is missing
 */
export async function prepareMachine(root: string, repository: string, progress: Progress): Promise<{goRoot: string}> {
  const system = await rootfs(NEW_MACHINE, progress);
  return progress.run('a fresh machine', async () => {
    await run(['cp', '--archive', '--reflink=auto', `${system}/.`, root]);
    await copyNode(root);
    await copySystemSettings(root);
    await copyUserSettings(join(root, MACHINE.home));
    await cloneHead(repository, join(root, MACHINE.project));
    for (const folder of [MACHINE.goRoot, MACHINE.cache]) await mkdir(join(root, folder), {recursive: true});
    return {goRoot: await goRoot()};
  });
}

async function goRoot(): Promise<string> {
  if ((await findProgram('go')) === undefined)
    throw new PreflightError(['go (builds the local cluster): install Go 1.21']);
  return (await run(['go', 'env', 'GOROOT'])).stdout.trim();
}

/** Node.js and npm as they are on this machine, wherever they were installed. */
async function copyNode(root: string): Promise<void> {
  const [node, npm] = await Promise.all([machineNode(), findProgram('npm')]);
  if (node === undefined || npm === undefined) throw new PreflightError(['node, npm: install Node.js 18 or newer']);
  const bin = join(root, 'usr/local/bin');
  await copyFile(node, join(bin, 'node'));
  await chmod(join(bin, 'node'), 0o755);
  // …/npm/bin/npm-cli.js
  const npmFolder = dirname(dirname(await realpath(npm)));
  const modules = join(root, 'usr/local/lib/node_modules');
  await mkdir(modules, {recursive: true});
  await cp(npmFolder, join(modules, 'npm'), {recursive: true, verbatimSymlinks: true});
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm'));
  await symlink('../lib/node_modules/npm/bin/npx-cli.js', join(bin, 'npx'));
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

/** A word that a POSIX shell takes literally. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
