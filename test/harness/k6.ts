import {copyFile, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {buildImage} from '../../hack/images/build.ts';
import {nodeBaseImage, type Image} from '../../hack/images/index.ts';
import {findProgram} from '../../hack/lib/apt.ts';
import {buildGo, type GoProgram} from '../../hack/lib/go.ts';
import type {Progress} from '../../hack/lib/progress.ts';

const FOLDER = fileURLToPath(new URL('../load-testing/', import.meta.url));
const SCRIPTS = ['k6-load-test.js', 'k6-smoke-test.js', 'k6-tasks.js'];
/** Where the image has the scripts. */
export const SCRIPTS_FOLDER = '/opt/load-testing';

const K6: GoProgram = {
  name: 'k6',
  module: join(FOLDER, 'go'),
  path: 'go.k6.io/k6',
  purpose: 'builds k6, which runs the load tests',
};

/** The path of k6: this machine's own, else one built from its module, which takes minutes once. */
export async function k6Program(progress: Progress): Promise<string> {
  return (await findProgram('k6')) ?? buildGo(K6, progress);
}

/** An image with k6, always the one built from its module, and the load tests. */
export async function k6Image(progress: Progress): Promise<Image> {
  const context = await mkdtemp(join(tmpdir(), 'k6-image-'));
  try {
    await copyFile(await buildGo(K6, progress), join(context, 'k6'));
    for (const script of SCRIPTS) await copyFile(join(FOLDER, script), join(context, script));
    const base = await nodeBaseImage(progress);
    const dockerfile = join(FOLDER, 'Dockerfile');
    return await buildImage({name: 'k6', dockerfile, context, base, baseArgument: 'BASE_IMAGE'}, progress);
  } finally {
    await rm(context, {recursive: true});
  }
}
