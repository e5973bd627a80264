import {createHash} from 'node:crypto';
import {glob, mkdir, readFile, readdir, rm, stat, utimes, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {requirePrograms} from '../lib/apt.ts';
import {cached} from '../lib/cache.ts';
import {CommandError, run} from '../lib/exec.ts';
import type {Progress} from '../lib/progress.ts';
import {archivePath, imageRef, readImage, writeRef} from './archive.ts';
import type {Image} from './archive.ts';

/** How many images of one name stay in the cache, and how long one is safe from removal after its last use. */
const KEEP = 4;
const IN_USE_MS = 30 * 60 * 1000;

/** What a Dockerfile is built with. */
export interface BuildSpec {
  /** Name of the image below the project's repository, for example operator. */
  readonly name: string;
  /** Absolute path of the Dockerfile. Steps that need the network don't work. */
  readonly dockerfile: string;
  /** Absolute path of the folder that COPY reads. All of it counts for the image's name. */
  readonly context: string;
  /** The image that the Dockerfile begins with. */
  readonly base: Image;
  /** The build argument that names it, for example BASE_IMAGE. */
  readonly baseArgument: string;
  readonly buildArguments?: Readonly<Record<string, string>>;
}

/**
 * Builds a Dockerfile, or returns the image built before from the same inputs.
 * @param spec - see BuildSpec
 * @param progress - shows the few seconds that it takes
 * @throws PreflightError when buildah is missing and can't be installed, CommandError when the Dockerfile is wrong
 */
export async function buildImage(spec: BuildSpec, progress: Progress): Promise<Image> {
  const hash = await inputHash(spec);
  const ref = imageRef(spec.name, hash);
  const entry = await cached(`image-${spec.name}/${hash.slice(0, 12)}`, async (directory) => {
    await requirePrograms([{file: 'buildah', debianPackage: 'buildah', purpose: 'builds Dockerfiles'}], progress);
    await progress.run(`image ${spec.name}, about 5 s`, async () => {
      await buildah(spec, ref, directory);
      await writeRef(directory, ref);
    });
  });
  await utimes(entry, new Date(), new Date());
  await removeOld(dirname(entry));
  return readImage(entry);
}

async function inputHash(spec: BuildSpec): Promise<string> {
  const files: string[] = [];
  for await (const file of glob('**', {cwd: spec.context, withFileTypes: true})) {
    if (file.isFile()) files.push(join(file.parentPath, file.name));
  }
  const hash = createHash('sha256');
  hash.update(JSON.stringify([spec.base.ref, spec.baseArgument, spec.buildArguments ?? {}]));
  hash.update(await readFile(spec.dockerfile));
  for (const file of files.sort()) {
    const content = await readFile(file);
    const isExecutable = ((await stat(file)).mode & 0o100) !== 0;
    hash.update(JSON.stringify([file.slice(spec.context.length), isExecutable, content.length]));
    hash.update(content);
  }
  return hash.digest('hex');
}

async function buildah(spec: BuildSpec, ref: string, directory: string): Promise<void> {
  // Storage of its own, gone with the build: nothing is shared, so nothing is left behind by a killed run.
  const storage = join(directory, 'storage');
  await mkdir(storage);
  const policy = join(storage, 'policy.json');
  await writeFile(policy, JSON.stringify({default: [{type: 'insecureAcceptAnything'}]}));
  const program = [
    // Mounts of its own, which end with it, and it ends with this process.
    ...(['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', 'buildah'] as const),
    ...['--root', join(storage, 'root'), '--runroot', join(storage, 'run')],
    ...['--storage-driver', (await hasOverlay(storage)) ? 'overlay' : 'vfs'],
  ] as const;
  const buildArguments = {...spec.buildArguments, [spec.baseArgument]: `docker-archive:${spec.base.archive}`};
  const env = {...process.env, BUILDAH_ISOLATION: 'chroot'};
  await run(
    [
      ...program,
      ...['build-using-dockerfile', '--quiet', '--pull-never', '--signature-policy', policy],
      // Without the time and the container's name the same inputs give the same image id.
      ...['--timestamp', '0', '--format', 'oci'],
      ...Object.entries(buildArguments).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
      ...['--tag', ref, '--file', spec.dockerfile, spec.context],
    ],
    {env},
  );
  const destination = `docker-archive:${archivePath(directory)}:${ref}`;
  await run([...program, 'push', '--quiet', '--signature-policy', policy, ref, destination], {env});
  await rm(storage, {recursive: true});
}

/** Whether overlay mounts work here; copying every layer instead takes twice as long. */
async function hasOverlay(folder: string): Promise<boolean> {
  const script = 'cd "$1" && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w none m';
  const probe = join(folder, 'probe');
  await mkdir(probe);
  try {
    await run(['unshare', '--mount', 'sh', '-c', script, 'sh', probe]);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/** Removes images that newer ones replaced: each is as large as its base. */
async function removeOld(folder: string): Promise<void> {
  const entries = (await readdir(folder)).filter((name) => /^[0-9a-f]{12}$/.test(name));
  const used = await Promise.all(
    entries.map(async (name) => ({path: join(folder, name), time: (await stat(join(folder, name))).mtimeMs})),
  );
  used.sort((a, b) => b.time - a.time);
  for (const {path, time} of used.slice(KEEP)) {
    if (Date.now() - time > IN_USE_MS) await rm(path, {recursive: true, force: true});
  }
}
