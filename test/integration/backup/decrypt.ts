import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {requirePrograms} from '../../../hack/lib/apt.ts';
import {cached} from '../../../hack/lib/cache.ts';
import {run} from '../../../hack/lib/exec.ts';
import type {Progress} from '../../../hack/lib/progress.ts';

const hack = join(import.meta.dirname, '../../../hack');

/**
 * What a person types who has an object, its key and nothing of ours but the script.
 *
 * @param input - file with the object
 * @param output - file that gets what was encrypted
 * @returns what the script says
 * @throws CommandError when it can't be decrypted
 */
export async function decrypt(
  key: {readonly id: string; readonly file: string},
  input: string,
  output: string,
  progress: Progress,
): Promise<string> {
  const command = 'exec python3 "$1" "$2" "$3" <"$4" >"$5"';
  const {stderr} = await run(['sh', '-c', command, 'sh', join(hack, 'decrypt.py'), key.id, key.file, input, output], {
    env: {...process.env, PYTHONPATH: await packages(progress)},
  });
  return stderr;
}

/** The script's packages, in a folder of their own: the machine's Python stays as it is. */
async function packages(progress: Progress): Promise<string> {
  await requirePrograms(
    [
      {file: 'python3', debianPackage: 'python3', purpose: 'decrypts a backup without us'},
      {file: 'pip3', debianPackage: 'python3-pip', purpose: 'installs what decrypts a backup without us'},
    ],
    progress,
  );
  const requirements = join(hack, 'decrypt-requirements.txt');
  const {stdout: version} = await run(['python3', '--version']);
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .update(version)
    .digest('hex')
    .slice(0, 12);
  return cached(`python-decrypt/${hash}`, async (directory) => {
    await run(['pip3', 'install', '--quiet', '--no-cache-dir', '--target', directory, '--requirement', requirements]);
  });
}
