import {join} from 'node:path';
import {run} from '../../hack/lib/exec.ts';
import type {Progress} from '../../hack/lib/progress.ts';
import {pythonFor} from '../../hack/lib/python.ts';

const hack = join(import.meta.dirname, '../../hack');

/** A Python that has what the script needs. The first call on a machine installs it. @returns path of the program */
export async function decryptPython(progress: Progress): Promise<string> {
  return pythonFor(
    {
      name: 'python-decrypt',
      requirements: join(hack, 'decrypt-requirements.txt'),
      purpose: 'decrypts a backup without us',
    },
    progress,
  );
}

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
  const python = await decryptPython(progress);
  const command = 'exec "$1" "$2" "$3" "$4" <"$5" >"$6"';
  const words = [python, join(hack, 'decrypt.py'), key.id, key.file, input, output];
  const {stderr} = await run(['sh', '-c', command, 'sh', ...words]);
  return stderr;
}
