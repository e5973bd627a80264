import {createReadStream} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {createGzip} from 'node:zlib';
import {run} from '../../hack/lib/exec.ts';

interface Config {
  readonly rootfs: {readonly diff_ids: readonly string[]};
}

/** An archive isn't built on the base that it was to be compared with. */
export class LayerError extends Error {
  override readonly name = 'LayerError';
}

/** The layers that an image adds to its base. */
export interface AddedLayers {
  readonly count: number;
  /** Their bytes as a registry would store them: gzip at its usual level. */
  readonly compressedBytes: number;
  readonly bytes: number;
}

/**
 * Measures what an image has above its base.
 *
 * @param archive - docker-archive of the image
 * @param baseArchive - docker-archive of the image that it was built from
 * @throws LayerError when the image doesn't begin with the base's layers
 */
export async function layersAbove(archive: string, baseArchive: string): Promise<AddedLayers> {
  const [image, base] = [await readManifest(archive), await readManifest(baseArchive)];
  if (base.ids.some((id, index) => image.ids[index] !== id)) {
    throw new LayerError(`${archive} does not begin with the layers of ${baseArchive}`);
  }
  const files = image.files.slice(base.ids.length);
  const folder = await mkdtemp(join(tmpdir(), 'bench-layers-'));
  try {
    let compressedBytes = 0;
    let bytes = 0;
    for (const file of files) {
      await run(['tar', '--extract', `--file=${archive}`, `--directory=${folder}`, file]);
      const size = await sizes(join(folder, file));
      compressedBytes += size.compressed;
      bytes += size.plain;
    }
    return {count: files.length, compressedBytes, bytes};
  } finally {
    await rm(folder, {recursive: true});
  }
}

/** Ids (of the uncompressed content) and files of an image's layers, lowest first. */
async function readManifest(archive: string): Promise<{ids: readonly string[]; files: readonly string[]}> {
  const read = async (name: string): Promise<unknown> => {
    const {stdout} = await run(['tar', '--extract', '--to-stdout', `--file=${archive}`, name]);
    return JSON.parse(stdout);
  };
  const [manifest] = (await read('manifest.json')) as {Config: string; Layers: string[]}[];
  if (manifest === undefined) throw new LayerError(`${archive} has no image`);
  const config = (await read(manifest.Config)) as Config;
  return {ids: config.rootfs.diff_ids, files: manifest.Layers};
}

async function sizes(path: string): Promise<{plain: number; compressed: number}> {
  const gzip = createGzip();
  const source = createReadStream(path);
  let compressed = 0;
  await pipeline(source, gzip, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) compressed += chunk.length;
  });
  return {plain: source.bytesRead, compressed};
}
