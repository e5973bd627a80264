import {readFile, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Plugin} from 'esbuild';
import {bundle, PROGRAMS} from '../bundle.ts';
import type {Program} from '../bundle.ts';
import type {Progress} from '../lib/progress.ts';
import type {Image} from './archive.ts';
import {nodeBaseImage} from './base.ts';
import {buildImage} from './build.ts';
import {temporaryFolder} from './temporary.ts';

export type {Image} from './archive.ts';
export {mysqlImage, nodeBaseImage} from './base.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The operator's image, from Dockerfile.operator and the sources as they are now.
 * @param plugins - change what is bundled, for a test of another build
 */
export async function operatorImage(progress: Progress, plugins: readonly Plugin[] = []): Promise<Image> {
  return programImage(PROGRAMS.operator, 'Dockerfile.operator', {progress, plugins});
}

/** The API's image, from Dockerfile.api and the sources as they are now. */
export async function apiImage(progress: Progress): Promise<Image> {
  return programImage(PROGRAMS.api, 'Dockerfile.api', {progress, plugins: []});
}

/** An image that differs from another by what a Dockerfile of its own says. */
export interface DerivedSpec {
  /** Name of the image below the project's repository, for example api-bad. */
  readonly name: string;
  readonly from: Image;
  /** Absolute path of a Dockerfile that begins with `ARG API_IMAGE` and `FROM ${API_IMAGE}`. */
  readonly dockerfile: string;
  /** Absolute path of the folder that COPY reads; the Dockerfile's own when left out. */
  readonly context?: string;
  readonly buildArguments?: Readonly<Record<string, string>>;
}

/** Builds on another image, for example a release with a planted fault. */
export async function derivedImage(spec: DerivedSpec, progress: Progress): Promise<Image> {
  const {name, from, dockerfile, context = dirname(dockerfile), buildArguments = {}} = spec;
  return buildImage({name, dockerfile, context, base: from, baseArgument: 'API_IMAGE', buildArguments}, progress);
}

async function programImage(
  program: Program,
  dockerfile: string,
  {progress, plugins}: {readonly progress: Progress; readonly plugins: readonly Plugin[]},
): Promise<Image> {
  const base = await nodeBaseImage(progress);
  const {version} = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {version: string};
  // Not the project's dist/, which another run may be writing.
  const context = await temporaryFolder('context');
  try {
    await bundle(program, join(context, 'dist', program.name), undefined, plugins);
    const buildArguments = {VERSION: version};
    return await buildImage(
      {
        name: program.name,
        dockerfile: join(root, dockerfile),
        context,
        base,
        baseArgument: 'BASE_IMAGE',
        buildArguments,
      },
      progress,
    );
  } finally {
    await rm(context, {recursive: true, force: true});
  }
}
