import {mkdtemp, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {run} from '../../lib/exec.ts';
import {tar} from './tar.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tar-test-'));
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

test.each([0, 1, 511, 512, 513, 5000])('the machine’s own tar reads back a file of %d bytes', async (size) => {
  const content = Buffer.alloc(size, 'x');
  const archive = tar([
    {path: 'folder/program', content, mode: 0o755},
    {path: 'second', content: Buffer.from('second'), mode: 0o600},
  ]);
  const {stderr} = await run(['tar', '--extract', '--directory', folder], {input: archive});
  expect(stderr).toBe('');
  expect(await readFile(join(folder, 'folder/program'))).toEqual(content);
  expect((await stat(join(folder, 'folder/program'))).mode & 0o777).toBe(0o755);
  expect(await readFile(join(folder, 'second'), 'utf8')).toBe('second');
});

test('equal content gives equal bytes', () => {
  const files = [{path: 'a', content: Buffer.from('a'), mode: 0o644}];
  expect(tar(files)).toEqual(tar(files));
});

test('a path that a header cannot hold is refused', () => {
  expect(() => tar([{path: 'x'.repeat(101), content: Buffer.alloc(0), mode: 0o644}])).toThrow(RangeError);
});
