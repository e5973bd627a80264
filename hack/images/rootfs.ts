import {createHash} from 'node:crypto';
import {appendFile, glob, mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {requirePrograms} from '../lib/apt.ts';
import {cached} from '../lib/cache.ts';
import {run} from '../lib/exec.ts';
import type {Progress} from '../lib/progress.ts';
import {debianMirror} from './mirror.ts';

/** A root filesystem made from Debian packages. */
export interface RootfsRecipe {
  readonly name: string;
  /** Debian's suite, for example bookworm. */
  readonly suite: string;
  /** Packages beyond Debian's minimal base. */
  readonly packages: readonly string[];
  /** What is removed afterwards, as patterns relative to the root. */
  readonly strip: readonly string[];
  /** Users to add; their own folders belong to them. */
  readonly users: readonly {readonly name: string; readonly id: number; readonly folders: readonly string[]}[];
}

/**
 * Not needed to run a program: package management, perl (which only serves that), documentation, translations,
 * conversions to ancient character sets. Copyright files and the list of packages stay, for licences and scanners.
 */
const COMMON_STRIP = [
  'dev/*',
  // Copied from the machine that ran debootstrap.
  'etc/{hostname,resolv.conf}',
  'run/*',
  'tmp/*',
  'var/cache/*',
  'var/lib/apt',
  'var/lib/dpkg/!(status)',
  'var/log/*',
  'etc/apt',
  'usr/bin/{apt*,dpkg*,perl*,sqv,localedef,zipdetails}',
  'usr/lib/{apt,dpkg}',
  'usr/lib/*-linux-gnu/{gconv,perl*,libapt*,libperl*}',
  'usr/share/{bash-completion,bug,debconf,info,keyrings,lintian,locale,man,menu,perl,perl5}',
  'usr/share/doc/*/!(copyright)',
];

/** Real MySQL, which only sid has; the programs besides server, client, dump and admin are 7 MB each. */
export const MYSQL_ROOTFS: RootfsRecipe = {
  name: 'mysql-rootfs',
  suite: 'sid',
  packages: ['mysql-server-core', 'mysql-client-core'],
  strip: [
    ...COMMON_STRIP,
    'usr/bin/{ibd2sdi,innochecksum,my_print_defaults,myisam*,perror}',
    'usr/bin/mysql{binlog,check,import,show,slap,_config_editor,_migrate_keyring,_secure_installation,_tzinfo_to_sql}',
    'usr/lib/*-linux-gnu/{libdb-*,libmecab*,libprotobuf.so*}',
    'usr/lib/mysql/plugin/{authentication_*_client,group_replication,libpluginmecab,telemetry_client}.so',
    'usr/share/mysql/!(english|charsets)',
  ],
  users: [{name: 'mysql', id: 999, folders: ['var/lib/mysql', 'var/lib/mysql-files', 'run/mysqld']}],
};

/** What node:24-bookworm-slim has below Node.js itself. */
export const NODE_ROOTFS: RootfsRecipe = {
  name: 'node-rootfs',
  suite: 'bookworm',
  packages: ['ca-certificates', 'libstdc++6'],
  strip: COMMON_STRIP,
  users: [{name: 'node', id: 1000, folders: ['home/node']}],
};

/**
 * Makes a root filesystem, or returns the one made before.
 * @param recipe - what goes in
 * @param progress - where to show the half minute that it takes
 * @returns the absolute path of a folder that must not be written to
 * @throws PreflightError when debootstrap is missing and can't be installed, NoMirrorError, CommandError
 */
export async function rootfs(recipe: RootfsRecipe, progress: Progress): Promise<string> {
  const content = createHash('sha256')
    .update(JSON.stringify([recipe, process.arch]))
    .digest('hex')
    .slice(0, 12);
  const entry = await cached(
    `${recipe.name}/${content}`,
    async (directory) => {
      await requirePrograms(
        [
          {file: 'debootstrap', debianPackage: 'debootstrap', purpose: 'makes root filesystems'},
          {
            file: '/usr/share/keyrings/debian-archive-keyring.gpg',
            debianPackage: 'debian-archive-keyring',
            purpose: "checks Debian's signatures",
          },
          {file: 'gpgv', debianPackage: 'gpgv', purpose: "checks Debian's signatures"},
        ],
        progress,
      );
      const title = `${recipe.name} from Debian ${recipe.suite}, about 40 s`;
      await progress.run(title, async (task) => {
        // Below the entry, which is readable by its owner alone: the root of a filesystem must be open to every user.
        const root = join(directory, 'rootfs');
        await mkdir(root, {mode: 0o755});
        await debootstrap(recipe, root, (line) => {
          task.detail(line);
        });
        await strip(root, recipe.strip);
        await addUsers(root, recipe.users);
      });
    },
    {onWait: (holder) => progress.note(`${recipe.name} is being made by ${holder}`)},
  );
  return join(entry, 'rootfs');
}

async function debootstrap(recipe: RootfsRecipe, root: string, onLine: (line: string) => void): Promise<void> {
  const mirror = await debianMirror();
  await run(
    [
      ...(['sh', '-c', 'exec "$@" >&2', 'sh'] as const),
      // Its own mounts and process ids, ended with this process: a killed run leaves neither /proc mounted nor dpkg busy.
      ...['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child'],
      ...['debootstrap', '--variant=minbase', `--include=${recipe.packages.join(',')}`, recipe.suite, root, mirror],
    ],
    {env: {...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`}, onStderrLine: onLine},
  );
}

async function strip(root: string, patterns: readonly string[]): Promise<void> {
  for (const pattern of patterns) {
    for await (const path of glob(pattern, {cwd: root})) await rm(join(root, path), {recursive: true, force: true});
  }
}

async function addUsers(root: string, users: RootfsRecipe['users']): Promise<void> {
  for (const {name, id, folders} of users) {
    await appendFile(join(root, 'etc/group'), `${name}:x:${String(id)}:\n`);
    await appendFile(
      join(root, 'etc/passwd'),
      `${name}:x:${String(id)}:${String(id)}::/nonexistent:/usr/sbin/nologin\n`,
    );
    for (const folder of folders) {
      await mkdir(join(root, folder), {recursive: true});
      await run(['chown', `${String(id)}:${String(id)}`, join(root, folder)]);
    }
  }
}
