/**
 * Makes what the images carry: `node hack/bootstrap.mjs hack/bundle.ts` fills dist/, then
 * `docker build -f Dockerfile.operator .` needs nothing else.
 */
import {existsSync} from 'node:fs';
import {cp, glob, mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {basename, join, parse, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import type {BuildOptions, BuildResult, Plugin} from 'esbuild';
import {lateModules} from './bundle-late.ts';
import {compiledValidators} from './bundle-validators.ts';

/** A program that an image carries. */
export interface Program {
  readonly name: string;
  /** Its main module, relative to the project. */
  readonly entry: string;
  /** The bundle's file name. */
  readonly output: string;
  /** Folders that it reads at run time, relative to its main module. */
  readonly folders: readonly string[];
  /** Programs that its image carries too: main module and file name of each. What they share is there once. */
  readonly companions?: readonly Pick<Program, 'entry' | 'output'>[];
  /** What changes its modules on their way into the bundle. */
  readonly plugins?: readonly Plugin[];
}

/** Every program, by the name of its image and of its folder in dist/. */
export const PROGRAMS = {
  operator: {
    name: 'operator',
    entry: 'operator/src/main.ts',
    output: 'main.mjs',
    folders: [],
    companions: [{entry: 'operator/src/backup/main.ts', output: 'backup.mjs'}],
  },
  api: {
    name: 'api',
    entry: 'api-server/src/server.ts',
    output: 'server.mjs',
    folders: ['migrations'],
    plugins: [compiledValidators()],
  },
} as const satisfies Record<string, Program>;

/** A program can't be bundled; the message says why. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}

const project = fileURLToPath(new URL('..', import.meta.url));

/**
 * CommonJS dependencies call require() for Node's own modules, and a few look up their folder; an ES module has neither.
 */
const BANNER = [
  "import {createRequire as __createRequire} from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = import.meta.filename, __dirname = import.meta.dirname;',
].join('');

type Built = BuildResult<{metafile: true; write: false}>;

const shared = {
  absWorkingDir: project,
  bundle: true,
  platform: 'node',
  target: 'node24',
  // Names stay as they are, so that stack traces can be read, but for those that two modules share: to set these again
  // at run time (keepNames) costs a process 2–4 MB.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'silent',
} as const satisfies BuildOptions;

/**
 * Bundles one program with all that it imports. What it imports while it runs becomes a file of its own, so that a process
 * that never needs it never has it in memory. The same sources give the same bytes.
 * @param program - which
 * @param folder - gets `<output>` and such files, the program's folders and the licences of what was bundled; emptied first
 * @param maps - gets the source maps, which are larger than the bundle and stay out of the image
 * @param plugins - change what is bundled, for a test of another build
 * @throws BundleError when a source is missing or wrong
 */
export async function bundle(
  program: Program,
  folder: string,
  maps?: string,
  plugins: readonly Plugin[] = [],
): Promise<void> {
  const entry = join(project, program.entry);
  const programs = [program, ...(program.companions ?? [])];
  const absent = programs.find((one) => !existsSync(join(project, one.entry)));
  if (absent !== undefined) throw new BundleError(`${program.name}: ${absent.entry} does not exist`);
  await rm(folder, {recursive: true, force: true});
  await mkdir(folder, {recursive: true});
  const late = lateModules();
  const make = async (options: BuildOptions): Promise<Built> =>
    build({...shared, ...options, outdir: folder, metafile: true, write: false}).catch((error: unknown) => {
      throw new BundleError(`${program.name}: ${error instanceof Error ? error.message : String(error)}`);
    });
  const made = await make({
    entryPoints: programs.map((one) => ({in: one.entry, out: parse(one.output).name})),
    outExtension: {'.js': parse(program.output).ext},
    chunkNames: 'chunk-[hash]',
    splitting: true,
    format: 'esm',
    banner: {js: BANNER},
    plugins: [...(program.plugins ?? []), late.plugin, ...plugins],
    sourcemap: 'external',
  });
  const parts = [made, ...(await Promise.all(late.builds().map(make)))];
  const mapFolder = maps === undefined ? undefined : join(maps, program.name);
  if (mapFolder !== undefined) await mkdir(mapFolder, {recursive: true});
  for (const file of parts.flatMap(({outputFiles}) => outputFiles)) {
    const target = file.path.endsWith('.map') ? mapFolder : folder;
    if (target !== undefined) await writeFile(join(target, basename(file.path)), file.contents);
  }
  for (const name of program.folders) {
    await cp(join(entry, '..', name), join(folder, name), {recursive: true, filter: (path) => !path.endsWith('.ts')});
  }
  await writeFile(
    join(folder, 'third-party-licenses.txt'),
    await licences(parts.flatMap(({metafile}) => Object.keys(metafile.inputs))),
  );
}

/** The licence text of every package whose code is in the bundle: their terms ask that it goes where the code goes. */
async function licences(inputs: readonly string[]): Promise<string> {
  const packages = new Set<string>();
  for (const input of inputs) {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0];
    if (folder !== undefined) packages.add(folder);
  }
  const sections = [...packages].sort().map(async (folder) => {
    const path = join(project, folder);
    const manifest = JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as Record<string, unknown>;
    const texts: string[] = [];
    for await (const file of glob('{LICENSE,LICENCE,license,licence,NOTICE,COPYING}*', {cwd: path})) texts.push(file);
    const contents = await Promise.all(texts.sort().map(async (file) => readFile(join(path, file), 'utf8')));
    const title = [manifest['name'], manifest['version'], manifest['license']].map(String).join(' ');
    return [title, ...contents.map((text) => text.trim())].join('\n\n');
  });
  return `${(await Promise.all(sections)).join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

if (import.meta.main) {
  const dist = join(project, 'dist');
  for (const program of Object.values(PROGRAMS)) {
    const folder = join(dist, program.name);
    await bundle(program, folder, join(dist, 'maps'));
    console.log(relative(project, join(folder, program.output)));
  }
}
