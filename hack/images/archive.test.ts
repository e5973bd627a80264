import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {createHash} from 'node:crypto';
import {execFileSync} from 'node:child_process';
import {chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {readImage, writeImage} from './archive.ts';
import type {Image} from './archive.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archive-test-'));
});

afterEach(async () => {
  await rm(directory, {recursive: true});
});

async function makeImage(name: string, content: string, time: Date): Promise<Image> {
  const folder = join(directory, name);
  const layer = join(folder, 'layer');
  await mkdir(join(layer, 'bin'), {recursive: true});
  await writeFile(join(layer, 'bin', 'program'), content);
  await chmod(join(layer, 'bin', 'program'), 0o755);
  await symlink('program', join(layer, 'bin', 'link'));
  await utimes(join(layer, 'bin', 'program'), time, time);
  await writeImage(folder, {name: 'example', layers: [layer], env: ['A=b'], labels: {title: 'example'}});
  return readImage(folder);
}

const member = (archive: string, name: string): Buffer => execFileSync('tar', ['-xOf', archive, name]);

test('what the manifest names is in the archive, by its true digest', async () => {
  const {archive, ref} = await makeImage('a', 'one', new Date(1e12));
  const [manifest] = JSON.parse(member(archive, 'manifest.json').toString()) as [
    {Config: string; RepoTags: string[]; Layers: string[]},
  ];
  expect(manifest.RepoTags).toEqual([ref]);

  const configBytes = member(archive, manifest.Config);
  expect(manifest.Config).toBe(`${createHash('sha256').update(configBytes).digest('hex')}.json`);
  expect(ref).toBe(`localhost/maintenance-api/example:${manifest.Config.slice(0, 12)}`);

  const layer = member(archive, manifest.Layers[0] ?? '');
  const config = JSON.parse(configBytes.toString()) as {config: unknown; rootfs: {diff_ids: string[]}};
  expect(config.config).toEqual({Env: ['A=b'], Labels: {title: 'example'}});
  expect(config.rootfs.diff_ids).toEqual([`sha256:${createHash('sha256').update(layer).digest('hex')}`]);

  await writeFile(join(directory, 'layer.tar'), layer);
  expect(member(join(directory, 'layer.tar'), './bin/program').toString()).toBe('one');
});

test('the same content gives the same bytes and name, other content another name', async () => {
  const first = await makeImage('a', 'one', new Date(1e12));
  const same = await makeImage('b', 'one', new Date(1.5e12));
  const other = await makeImage('c', 'two', new Date(1e12));
  expect(same.ref).toBe(first.ref);
  expect((await readFile(same.archive)).equals(await readFile(first.archive))).toBe(true);
  expect(other.ref).not.toBe(first.ref);
});
