import {createHash} from 'node:crypto';
import {chmod, glob, mkdir, readFile, readdir} from 'node:fs/promises';
import {arch} from 'node:os';
import {join} from 'node:path';
import {findProgram, PreflightError, requirePrograms} from './apt.ts';
import {cached} from './cache.ts';
import {run} from './exec.ts';
import type {Progress} from './progress.ts';

/** The toolchain for machines whose own Go is older than 1.21 and so can't fetch the right one by itself. */
const GO_TOOLCHAIN = 'go1.26.8';

/** One program of a Go module that is part of the tree. */
export interface GoProgram {
  readonly name: string;
  /** Folder of the module: go.mod and go.sum pin every version. */
  readonly module: string;
  /** The package that is built: a path within the module, or a dependency's. */
  readonly path: string;
  /** Build tags. */
  readonly tags?: readonly string[];
  /** What it is for, for a machine without Go. */
  readonly purpose: string;
}

/**
 * Builds a program, or takes it from the cache.
 * @returns its path
 * @throws PreflightError when there is no Go and it can't be installed
 * @throws CommandError when the build fails
 */
export async function buildGo(
  {name, module, path, tags = [], purpose}: GoProgram,
  progress: Progress,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([path, ...tags, arch()]));
  for (const file of await sources(module)) {
    hash.update(`\0${file}\0`).update(await readFile(join(module, file)));
  }
  const entry = await cached(`go-${name}/${hash.digest('hex').slice(0, 12)}`, async (directory) => {
    const go = await goProgram(purpose, progress);
    await progress.run(`building ${name}`, async () => {
      const output = join(directory, name);
      const flags = ['-trimpath', '-buildvcs=false', '-tags', tags.join(','), '-ldflags', '-s -w', '-o', output];
      // It takes minutes of every core: others on the machine come first.
      await run(['nice', '-n', '10', go, 'build', ...flags, path], {
        cwd: module,
        env: goEnvironment(),
        diesWithCaller: true,
      });
    });
  });
  return join(entry, name);
}

/** The environment of a build that uses what the module pins and nothing else. */
export function goEnvironment(): NodeJS.ProcessEnv {
  return {...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOFLAGS: '-mod=readonly', GOWORK: 'off'};
}

/**
 * Finds Go, installs Debian's when there is none, and goes around one that is too old to fetch its successor.
 * @param purpose - what Go is for, for a machine that has none
 * @returns the program's path
 * @throws PreflightError when there is no Go and it can't be installed
 */
export async function goProgram(purpose: string, progress: Progress): Promise<string> {
  if ((await findProgram('go')) === undefined) await requireGo(purpose, progress);
  const go = await findProgram('go');
  if (go === undefined) throw new PreflightError([goHelp(purpose)]);
  const {stdout} = await run([go, 'version']);
  const minor = Number(/go1\.(\d+)/.exec(stdout)?.[1]);
  return minor >= 21 ? go : newerToolchain(go, progress);
}

const goHelp = (purpose: string): string =>
  `go 1.21 or newer (${purpose}): https://go.dev/doc/install or sudo apt-get install --no-install-recommends golang-go`;

async function requireGo(purpose: string, progress: Progress): Promise<void> {
  await requirePrograms(
    [
      {file: 'go', debianPackage: 'golang-go', purpose},
      {
        file: '/etc/ssl/certs/ca-certificates.crt',
        debianPackage: 'ca-certificates',
        purpose: 'Go fetches modules by HTTPS',
      },
    ],
    progress,
  );
}

/** Fetches the toolchain as GOTOOLCHAIN=auto would: it is an ordinary module, checked against the checksum database. */
async function newerToolchain(go: string, progress: Progress): Promise<string> {
  const architecture = arch() === 'x64' ? 'amd64' : arch();
  const version = `v0.0.1-${GO_TOOLCHAIN}.linux-${architecture}`;
  const entry = await cached(`go-toolchain/${version}`, async (directory) =>
    progress.run(`fetching ${GO_TOOLCHAIN}, since this machine's Go is older than 1.21`, async () => {
      const env = {...process.env, GOFLAGS: '-modcacherw', GOMODCACHE: join(directory, 'mod'), GO111MODULE: 'on'};
      await mkdir(join(directory, 'empty'));
      await run([go, 'mod', 'download', `golang.org/toolchain@${version}`], {cwd: join(directory, 'empty'), env});
      const root = join(directory, 'mod', 'golang.org', `toolchain@${version}`);
      // Module archives carry no permissions.
      for (const folder of ['bin', `pkg/tool/linux_${architecture}`]) {
        for (const name of await readdir(join(root, folder))) await chmod(join(root, folder, name), 0o755);
      }
    }),
  );
  return join(entry, 'mod', 'golang.org', `toolchain@${version}`, 'bin', 'go');
}

/** What a build of the module's own packages depends on, in a fixed order. */
async function sources(module: string): Promise<readonly string[]> {
  const files: string[] = [];
  for await (const file of glob('{go.mod,go.sum,**/*.go}', {cwd: module})) files.push(file);
  return files.sort();
}
