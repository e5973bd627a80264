import {spawn, type ChildProcess} from 'node:child_process';
import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {waitFor} from '../../harness/wait.ts';

/** A folder that is a disk of its own without room, for those who enter it. */
export interface FullDisk {
  /** Words before a command that is to see it. */
  readonly enter: readonly string[];
  /** Ends it. */
  readonly holder: ChildProcess;
}

/**
 * Mounts a full disk over a folder, in a namespace of its own that ends with this process. Takes root, or user namespaces.
 *
 * @param folder - that is to be full: files can be made there, and nothing written to them
 * @param notes - another folder, for what is to be known outside
 */
export async function fullDisk(folder: string, notes: string): Promise<FullDisk> {
  const root = process.getuid?.() === 0;
  const mounted = join(notes, 'mounted');
  const script = [
    `mount -t tmpfs -o size=4096 tmpfs ${folder}`,
    `head -c 4096 /dev/zero >${folder}/filler`,
    `: >${mounted}`,
    'exec sleep infinity',
  ].join(' && ');
  const holder = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--mount', ...(root ? [] : ['--user', '--map-root-user'])],
      ...['sh', '-c', script],
    ],
    {stdio: ['ignore', 'ignore', 'inherit']},
  );
  await waitFor('the full disk is mounted', async () => stat(mounted), 30_000, 50);
  const namespaces = root ? ['--mount'] : ['--preserve-credentials', '--user', '--mount'];
  return {enter: ['nsenter', '--target', String(holder.pid), ...namespaces], holder};
}
