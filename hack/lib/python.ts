import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {arch} from 'node:os';
import {join} from 'node:path';
import {requirePrograms} from './apt.ts';
import {cached} from './cache.ts';
import {run} from './exec.ts';
import type {Progress} from './progress.ts';

/** A program in Python and what it needs. */
export interface PythonProgram {
  /** Of its folder in the cache. */
  readonly name: string;
  /** File with every package at a pinned version and with the hashes that it may have. */
  readonly requirements: string;
  /** What it is for, told with what is missing. */
  readonly purpose: string;
}

/**
 * A Python that has a program's packages, installed from PyPI into an environment of its own in the cache: the machine's
 * Python stays as it is.
 *
 * @returns the file of its interpreter
 * @throws PreflightError when there is no Python and it can't be installed
 * @throws CommandError when PyPI can't be reached, or has something else under a version
 */
export async function pythonFor({name, requirements, purpose}: PythonProgram, progress: Progress): Promise<string> {
  await requirePrograms([{file: 'python3', debianPackage: 'python3', purpose}], progress);
  const asked = "import sys, sysconfig; print(sys.version); print(sysconfig.get_path('stdlib'))";
  const [version = '', library = ''] = (await run(['python3', '-c', asked])).stdout.split('\n');
  const key = createHash('sha256').update(JSON.stringify([version, arch()]));
  key.update(await readFile(requirements));
  const entry = await cached(`${name}/${key.digest('hex').slice(0, 12)}`, async (directory) => {
    // Debian has what makes an environment in a package of its own.
    const ensurepip = join(library, 'ensurepip/__init__.py');
    await requirePrograms([{file: ensurepip, debianPackage: 'python3-venv', purpose}], progress);
    await progress.run(`installing the Python packages of ${name}, about 20 s`, async () => {
      const environment = join(directory, 'environment');
      await run(['python3', '-m', 'venv', environment]);
      const pip = [join(environment, 'bin/python'), '-m', 'pip', '--disable-pip-version-check'] as const;
      await run([...pip, 'install', '--quiet', '--require-hashes', '--only-binary=:all:', '-r', requirements]);
    });
  });
  // Not a script beside it, which names the folder that the environment was made in.
  return join(entry, 'environment/bin/python');
}
