import {access, constants} from 'node:fs/promises';
import {delimiter, join} from 'node:path';
import {lockFile} from './lock.ts';
import {run} from './exec.ts';
import type {Progress} from './progress.ts';
import {stateRoot} from './state.ts';

/** Folders of system programs that the PATH of an ordinary user lacks on Debian. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/** Something a command needs on this machine. */
export interface Requirement {
  /** A program looked up in PATH and the system folders, or an absolute path of a file. */
  readonly file: string;
  /** The Debian package that has it. */
  readonly debianPackage: string;
  /** What it is needed for, in a few words. */
  readonly purpose: string;
}

/** Something is missing on this machine; the message names each thing and how to get it. */
export class PreflightError extends Error {
  override readonly name = 'PreflightError';
  readonly missing: readonly string[];

  /** @param missing - one line a missing thing, with how to get it */
  constructor(missing: readonly string[]) {
    super(`missing on this machine:\n${missing.map((text) => `  - ${text}`).join('\n')}`);
    this.missing = missing;
  }
}

/**
 * Finds a program as a shell would, then in the system folders.
 * @param file - a program's name, or an absolute path
 * @returns its absolute path, or undefined
 */
export async function findProgram(file: string, env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const candidates = file.startsWith('/')
    ? [file]
    : [...(env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS].filter(Boolean).map((folder) => join(folder, file));
  for (const candidate of candidates) {
    try {
      await access(candidate, file.startsWith('/') ? constants.R_OK : constants.X_OK);
      return candidate;
    } catch {
      continue;
    }
  }
  return undefined;
}

/**
 * Makes sure that every requirement is there: as root on Debian the missing packages are installed, otherwise the error
 * says what to install.
 * @throws PreflightError naming each missing thing and the command that installs it
 * @throws CommandError when apt fails
 */
export async function requirePrograms(requirements: readonly Requirement[], progress: Progress): Promise<void> {
  let missing = await missingOf(requirements);
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && (await findProgram('apt-get')) !== undefined) {
    const packages = [...new Set(missing.map(({debianPackage}) => debianPackage))];
    await progress.run(`installing Debian packages ${packages.join(', ')}`, async () => installPackages(packages));
    missing = await missingOf(requirements);
  }
  if (missing.length > 0) {
    throw new PreflightError(
      missing.map(
        ({file, debianPackage, purpose}) =>
          `${file} (${purpose}): sudo apt-get install --no-install-recommends ${debianPackage}`,
      ),
    );
  }
}

async function missingOf(requirements: readonly Requirement[]): Promise<Requirement[]> {
  const found = await Promise.all(requirements.map(async ({file}) => findProgram(file)));
  return requirements.filter((_requirement, index) => found[index] === undefined);
}

async function installPackages(packages: readonly string[]): Promise<void> {
  const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'};
  // Two of our commands at once would make one of them fail on dpkg's own lock.
  const lock = await lockFile(join(stateRoot(), 'apt.lock'));
  try {
    await run(['apt-get', 'update', '--quiet'], {env});
    await run(['apt-get', 'install', '--yes', '--quiet', '--no-install-recommends', ...packages], {env});
  } finally {
    await lock.release();
  }
}
