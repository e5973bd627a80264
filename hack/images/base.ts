import {createHash} from 'node:crypto';
import {copyFile, chmod, mkdir, readFile} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {cached} from '../lib/cache.ts';
import type {Progress} from '../lib/progress.ts';
import {readImage, writeImage} from './archive.ts';
import type {Image} from './archive.ts';
import {MYSQL_ROOTFS, NODE_ROOTFS, rootfs} from './rootfs.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * MySQL's server, client, dump and admin programs on Debian, with user mysql (999) as in the official image. It has no
 * entry point: the operator initialises databases itself.
 */
export async function mysqlImage(progress: Progress): Promise<Image> {
  const folder = await rootfs(MYSQL_ROOTFS, progress);
  return baseImage('mysql', [folder], [rootfsId(folder)], progress);
}

/** What node:24-bookworm-slim is, as far as the project's Dockerfiles need it. */
export async function nodeBaseImage(progress: Progress): Promise<Image> {
  const packageFolder = join(root, 'node_modules', `node-linux-${process.arch}`);
  const {version} = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {version: string};
  const layer = await cached(`node-layer/${version}-${process.arch}`, async (directory) => {
    const bin = join(directory, 'layer', 'usr', 'local', 'bin');
    await mkdir(bin, {recursive: true});
    await copyFile(join(packageFolder, 'bin', 'node'), join(bin, 'node'));
    await chmod(join(bin, 'node'), 0o755);
  });
  const folder = await rootfs(NODE_ROOTFS, progress);
  return baseImage('node-base', [folder, join(layer, 'layer')], [rootfsId(folder), version], progress);
}

/** The folder of a root filesystem has the hash of its recipe above it. */
function rootfsId(folder: string): string {
  return basename(dirname(folder));
}

async function baseImage(name: string, layers: string[], inputs: string[], progress: Progress): Promise<Image> {
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
  const entry = await cached(`image-${name}/${key}`, async (directory) =>
    progress.run(`image ${name}`, async () => {
      const labels = {'org.opencontainers.image.title': name};
      await writeImage(directory, {name, layers, env: [PATH], labels});
    }),
  );
  return readImage(entry);
}
