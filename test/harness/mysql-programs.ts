import {readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {MYSQL_ROOTFS, rootfs} from '../../hack/images/rootfs.ts';
import {cached} from '../../hack/lib/cache.ts';
import {run} from '../../hack/lib/exec.ts';
import {createProgress} from '../../hack/lib/progress.ts';
import type {Progress} from '../../hack/lib/progress.ts';

/** A program of the MySQL distribution. */
export type MysqlProgram = 'mysql' | 'mysqladmin' | 'mysqld' | 'mysqldump';

/** The account that the template data folder has, for TCP connections from this machine. */
export const ROOT_ACCOUNT = {user: 'root', password: 'root-of-a-test'} as const;

/**
 * The command line of a MySQL program, the same build that the database image has. It runs on this machine, as the
 * calling user and with this machine's paths, through the dynamic loader of the image's root filesystem: there is
 * nothing to mount and nothing to unmount.
 * @param program - which
 * @param args - its arguments
 * @param progress - shows the making of the root filesystem, 40 s once on a machine
 */
export async function mysqlCommand(
  program: MysqlProgram,
  args: readonly string[],
  progress: Progress = createProgress(),
): Promise<[string, ...string[]]> {
  const root = await rootfs(MYSQL_ROOTFS, progress);
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const loader = process.arch === 'arm64' ? 'usr/lib/ld-linux-aarch64.so.1' : 'usr/lib64/ld-linux-x86-64.so.2';
  const libraries = join(root, 'usr/lib', triple);
  const folder = program === 'mysqld' ? 'usr/sbin' : 'usr/bin';
  // An option that names the distribution's own folders comes before the caller's, so that those can override it.
  const paths = [
    ...['--no-defaults', `--character-sets-dir=${join(root, 'usr/share/mysql/charsets')}`],
    ...(program === 'mysqld'
      ? [
          `--basedir=${join(root, 'usr')}`,
          `--lc-messages-dir=${join(root, 'usr/share/mysql')}`,
          `--plugin-dir=${join(root, 'usr/lib/mysql/plugin')}`,
          // mysqld refuses to run as root unless told so by name.
          ...(process.getuid?.() === 0 ? ['--user=root'] : []),
        ]
      : []),
  ];
  return [join(root, loader), '--library-path', libraries, join(root, folder, program), ...paths, ...args];
}

/**
 * A freshly initialised data folder with ROOT_ACCOUNT in it, made once, to be copied: initialising takes seconds.
 * @returns its absolute path; it must not be written to
 */
export async function templateDataFolder(progress: Progress): Promise<string> {
  const root = await rootfs(MYSQL_ROOTFS, progress);
  const content = root.split('/').at(-2) ?? '';
  const entry = await cached(`mysql-template/${content}-1`, async (directory) => {
    const data = join(directory, 'data');
    const initFile = join(directory, 'init.sql');
    const account = `'${ROOT_ACCOUNT.user}'@'127.0.0.1'`;
    await writeFile(
      initFile,
      `CREATE USER ${account} IDENTIFIED BY '${ROOT_ACCOUNT.password}';\nGRANT ALL ON *.* TO ${account} WITH GRANT OPTION;\n`,
    );
    const log = join(directory, 'init.log');
    const settings = [`--datadir=${data}`, `--init-file=${initFile}`, `--log-error=${log}`, '--secure-file-priv='];
    // Nobody uses the folder before it is whole, so a crash of the machine can't harm anyone: no need to sync.
    const speed = ['--innodb-flush-method=nosync', '--innodb-redo-log-capacity=8M'];
    await progress.run('initialising a MySQL data folder, about 5 s', async () => {
      await run(await mysqlCommand('mysqld', ['--initialize-insecure', ...settings, ...speed], progress));
    });
    // A failing statement of the init file is only logged.
    const errors = (await readFile(log, 'utf8')).split('\n').filter((line) => line.includes('[ERROR]'));
    if (errors.length > 0) throw new Error(`initialising a MySQL data folder: ${errors.join('\n')}`);
    // Every server made from the copy draws a UUID of its own.
    await rm(join(data, 'auto.cnf'));
  });
  return join(entry, 'data');
}
