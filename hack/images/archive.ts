import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdir, mkdtemp, readFile, rename, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {run} from '../lib/exec.ts';

/** An image that is ready to be loaded into a cluster. */
export interface Image {
  /** `localhost/maintenance-api/<name>:<12 hex of the content>` */
  readonly ref: string;
  /** Absolute path of a docker-archive (what `docker save` writes and `ctr images import` reads). */
  readonly archive: string;
}

/** Where images that no registry has get their names. */
const REPOSITORY = 'localhost/maintenance-api';
const ARCHIVE = 'image.tar';
const REF = 'ref';

/**
 * The name of an image.
 * @param name - for example operator
 * @param contentHash - hex digest of what is in it
 */
export function imageRef(name: string, contentHash: string): string {
  return `${REPOSITORY}/${name}:${contentHash.slice(0, 12)}`;
}

/** Notes an image's name beside its archive, as the last step of making it. */
export async function writeRef(directory: string, ref: string): Promise<void> {
  await writeFile(join(directory, REF), ref);
}

/** The image that a folder holds. */
export async function readImage(directory: string): Promise<Image> {
  return {ref: await readFile(join(directory, REF), 'utf8'), archive: archivePath(directory)};
}

/** Where in a folder an image's archive is. */
export function archivePath(directory: string): string {
  return join(directory, ARCHIVE);
}

export interface ImageSpec {
  readonly name: string;
  /** Folders, each of which becomes a layer; owners and modes are kept. */
  readonly layers: readonly string[];
  /** The program that it runs; left out: pods have to name one. */
  readonly entrypoint?: readonly string[];
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Writes a docker-archive without any tool but tar. The same content gives the same bytes, so the image's id and name
 * say what is in it.
 * @param directory - gets the archive and its name
 * @param spec - see ImageSpec
 * @see https://github.com/moby/docker-image-spec (config) and the docker-save layout of manifest.json
 */
export async function writeImage(directory: string, spec: ImageSpec): Promise<void> {
  const staging = await mkdtemp(join(directory, 'layers-'));
  const layers: string[] = [];
  for (const folder of spec.layers) layers.push(await writeLayer(staging, folder));
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: new Date(0).toISOString(),
    config: {...(spec.entrypoint && {Entrypoint: spec.entrypoint}), Env: [...spec.env], Labels: spec.labels},
    rootfs: {type: 'layers', diff_ids: layers.map((digest) => `sha256:${digest}`)},
    history: spec.layers.map(() => ({created: new Date(0).toISOString()})),
  });
  const id = createHash('sha256').update(config).digest('hex');
  const ref = imageRef(spec.name, id);
  const manifest = [{Config: `${id}.json`, RepoTags: [ref], Layers: layers.map((digest) => `${digest}/layer.tar`)}];
  await writeFile(join(staging, `${id}.json`), config);
  await writeFile(join(staging, 'manifest.json'), JSON.stringify(manifest));
  await tar(archivePath(directory), staging, ['manifest.json', `${id}.json`, ...layers]);
  await rm(staging, {recursive: true});
  await writeRef(directory, ref);
}

async function writeLayer(staging: string, folder: string): Promise<string> {
  const temporary = join(staging, 'layer.tar');
  await tar(temporary, folder, ['.']);
  const hash = createHash('sha256');
  await pipeline(createReadStream(temporary, {highWaterMark: 1 << 20}), hash);
  const digest = hash.digest('hex');
  await mkdir(join(staging, digest));
  await rename(temporary, join(staging, digest, 'layer.tar'));
  return digest;
}

async function tar(file: string, folder: string, names: readonly string[]): Promise<void> {
  const deterministic = ['--sort=name', '--mtime=@0', '--numeric-owner', '--format=gnu'];
  await run(['tar', '--create', `--file=${file}`, ...deterministic, `--directory=${folder}`, ...names]);
}
