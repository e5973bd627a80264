import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {isRunning, processIdentity} from '../lib/exec.ts';

const PREFIX = 'maintenance-api-';

/**
 * Makes a temporary folder whose name says which process it belongs to, and removes those of the same kind whose process
 * is gone: what a killed run left, the next one reclaims.
 * @param kind - what it is for, of lower-case letters
 */
export async function temporaryFolder(kind: string): Promise<string> {
  const pattern = new RegExp(`^${PREFIX}${kind}-(\\d+)-(\\d+)-`);
  for (const name of await readdir(tmpdir())) {
    const [, pid, startTime] = pattern.exec(name) ?? [];
    if (pid === undefined || startTime === undefined) continue;
    if (await isRunning({pid: Number(pid), startTime})) continue;
    await rm(join(tmpdir(), name), {recursive: true, force: true});
  }
  const self = await processIdentity(process.pid);
  if (self === undefined) throw new Error('the process that asks must be running');
  return mkdtemp(join(tmpdir(), `${PREFIX}${kind}-${String(self.pid)}-${self.startTime}-`));
}
