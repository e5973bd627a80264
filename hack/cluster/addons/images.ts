import {createHash} from 'node:crypto';
import {readFile, writeFile} from 'node:fs/promises';
import {arch} from 'node:os';
import {basename, join} from 'node:path';
import {cached} from '../../lib/cache.ts';
import type {Progress} from '../../lib/progress.ts';
import {programs} from '../programs.ts';
import {tar, type TarFile} from './tar.ts';

const ADDONS = ['coredns', 'metrics-server', 'local-path-provisioner', 'pause', 'volume'] as const;
export type Addon = (typeof ADDONS)[number];

export interface AddonImages {
  /** A docker-archive with all of them. */
  readonly archive: string;
  /** The image of each add-on, named by its content. */
  readonly refs: Readonly<Record<Addon, string>>;
}

/** Puts each add-on's program into an image of its own with nothing else in it; nobody (65534) runs it. */
export async function addonImages(progress: Progress): Promise<AddonImages> {
  const bin = await programs('addons', progress);
  const tag = basename(bin);
  const entry = await cached(`cluster-addon-images/${tag}`, async (directory) =>
    progress.run('packing the images of CoreDNS, metrics-server and local-path-provisioner', async () => {
      const images = await Promise.all(ADDONS.map(async (name) => image(name, tag, await readFile(join(bin, name)))));
      const manifest = JSON.stringify(images.map(({entry: item}) => item));
      const files = [...images.flatMap((one) => one.files), file('manifest.json', Buffer.from(manifest))];
      await writeFile(join(directory, 'images.tar'), tar(files));
    }),
  );
  const refs = Object.fromEntries(ADDONS.map((name) => [name, ref(name, tag)])) as Record<Addon, string>;
  return {archive: join(entry, 'images.tar'), refs};
}

function ref(name: Addon, tag: string): string {
  return `localhost/maintenance-api/${name}:${tag}`;
}

function image(name: Addon, tag: string, program: Buffer): {files: TarFile[]; entry: object} {
  const layer = tar([{path: name, content: program, mode: 0o755}]);
  const config = Buffer.from(
    JSON.stringify({
      architecture: arch() === 'x64' ? 'amd64' : arch(),
      os: 'linux',
      config: {Entrypoint: [`/${name}`], User: '65534:65534'},
      rootfs: {type: 'layers', diff_ids: [`sha256:${sha256(layer)}`]},
    }),
  );
  const configPath = `${sha256(config)}.json`;
  const layerPath = `${sha256(layer)}/layer.tar`;
  return {
    files: [file(configPath, config), file(layerPath, layer)],
    entry: {Config: configPath, RepoTags: [ref(name, tag)], Layers: [layerPath]},
  };
}

function file(path: string, content: Buffer): TarFile {
  return {path, content, mode: 0o644};
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
