import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, test} from '@jest/globals';
import {PreflightError, findProgram} from './apt.ts';

test('findProgram looks through PATH, then the system folders, and wants an executable', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'apt-test-'));
  try {
    await writeFile(join(folder, 'mine'), '', {mode: 0o755});
    await writeFile(join(folder, 'data'), '', {mode: 0o644});
    const env = {PATH: folder};
    expect(await findProgram('mine', env)).toBe(join(folder, 'mine'));
    expect(await findProgram('data', env)).toBeUndefined();
    expect(await findProgram(join(folder, 'data'), env)).toBe(join(folder, 'data'));
    expect(await findProgram('sh', env)).toMatch(/^\/(usr\/)?bin\/sh$/);
    expect(await findProgram('no-such-program-here', env)).toBeUndefined();
  } finally {
    await rm(folder, {recursive: true});
  }
});

test('a PreflightError names every missing thing', () => {
  const error = new PreflightError(['a: how to get a', 'b: how to get b']);
  expect(error.message).toBe('missing on this machine:\n  - a: how to get a\n  - b: how to get b');
});
