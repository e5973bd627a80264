import {join} from 'node:path';
import type {Progress} from '../lib/progress.ts';
import {pythonFor} from '../lib/python.ts';

/**
 * The command that Schemathesis is started by.
 *
 * @throws PreflightError when there is no Python and it can't be installed
 * @throws CommandError when PyPI can't be reached, or has something else under a version
 */
export async function schemathesis(progress: Progress): Promise<[string, ...string[]]> {
  const python = await pythonFor(
    {
      name: 'schemathesis',
      requirements: join(import.meta.dirname, 'requirements.txt'),
      purpose: 'runs Schemathesis, which tries the API by its description',
    },
    progress,
  );
  return [python, '-m', 'schemathesis.cli'];
}
