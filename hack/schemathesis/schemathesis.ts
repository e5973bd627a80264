import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {arch} from 'node:os';
import {join} from 'node:path';
import {requirePrograms} from '../lib/apt.ts';
import {cached} from '../lib/cache.ts';
import {run} from '../lib/exec.ts';
import type {Progress} from '../lib/progress.ts';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const PURPOSE = 'runs Schemathesis, which tries the API by its description';

/**
 * The command that Schemathesis is started by, installed from PyPI into the cache: every package at a pinned version, and
 * with one of the hashes that its requirements name.
 *
 * @throws PreflightError when there is no Python and it can't be installed
 * @throws CommandError when PyPI can't be reached, or has something else under a version
 */
export async function schemathesis(progress: Progress): Promise<[string, ...string[]]> {
  await requirePrograms([{file: 'python3', debianPackage: 'python3', purpose: PURPOSE}], progress);
  const asked = "import sys, sysconfig; print(sys.version); print(sysconfig.get_path('stdlib'))";
  const [version = '', library = ''] = (await run(['python3', '-c', asked])).stdout.split('\n');
  const key = createHash('sha256').update(JSON.stringify([version, arch()]));
  key.update(await readFile(REQUIREMENTS));
  const entry = await cached(`schemathesis/${key.digest('hex').slice(0, 12)}`, async (directory) => {
    // Debian has what makes an environment in a package of its own.
    const ensurepip = join(library, 'ensurepip/__init__.py');
    await requirePrograms([{file: ensurepip, debianPackage: 'python3-venv', purpose: PURPOSE}], progress);
    await progress.run('installing Schemathesis, about 20 s', async () => {
      const environment = join(directory, 'environment');
      await run(['python3', '-m', 'venv', environment]);
      const pip = [join(environment, 'bin/python'), '-m', 'pip', '--disable-pip-version-check'] as const;
      await run([...pip, 'install', '--quiet', '--require-hashes', '--only-binary=:all:', '-r', REQUIREMENTS]);
    });
  });
  // Not the script beside it, which names the folder that the environment was made in.
  return [join(entry, 'environment/bin/python'), '-m', 'schemathesis.cli'];
}
