import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {randomBytes} from 'node:crypto';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {writeImage} from '../../hack/images/archive.ts';
import {LayerError, layersAbove} from './layers.ts';

const KIB = 1024;
let folder: string;

/** An archive whose layers hold a file of each of these contents. */
async function archive(name: string, contents: readonly Buffer[]): Promise<string> {
  const directory = join(folder, name);
  const layers: string[] = [];
  for (const [index, content] of contents.entries()) {
    const layer = join(directory, `layer-${index}`);
    await mkdir(layer, {recursive: true});
    await writeFile(join(layer, `file-${index}`), content, {mode: 0o644});
    layers.push(layer);
  }
  await writeImage(directory, {name, layers, env: [], labels: {}});
  return join(directory, 'image.tar');
}

const base = [Buffer.alloc(200 * KIB, 'base'), randomBytes(200 * KIB)];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-layers-test-'));
});

afterAll(async () => {
  await rm(folder, {recursive: true});
});

describe('layers above a base', () => {
  test('only they count, compressed', async () => {
    const random = randomBytes(100 * KIB);
    const image = await archive('image', [...base, random, Buffer.alloc(1000 * KIB)]);
    const {count, bytes, compressedBytes} = await layersAbove(image, await archive('base', base));
    expect(count).toBe(2);
    expect(bytes).toBeGreaterThan(1100 * KIB);
    // What is random doesn't shrink, what is empty all but vanishes.
    expect(compressedBytes).toBeGreaterThan(100 * KIB);
    expect(compressedBytes).toBeLessThan(110 * KIB);
  });

  test('an image adds nothing to itself', async () => {
    const same = await archive('same', base);
    expect(await layersAbove(same, same)).toEqual({count: 0, bytes: 0, compressedBytes: 0});
  });

  test('another base is an error, not a larger figure', async () => {
    const image = await archive('other', [randomBytes(KIB), randomBytes(KIB), randomBytes(KIB)]);
    await expect(layersAbove(image, await archive('base-2', base))).rejects.toThrow(LayerError);
  });
});
