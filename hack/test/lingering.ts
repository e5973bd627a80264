import {globSync} from 'node:fs';
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';

/** Arguments of a Node process that let it be asked, from outside, what keeps it: its diagnostic report. */
export const reportArguments = (directory: string): string[] => [
  '--report-on-signal',
  '--report-signal=SIGUSR2',
  '--report-exclude-env',
  `--report-directory=${directory}`,
];
/** Carried by every process of a run, so that they are found after their parent has gone. */
export const RUN_VARIABLE = 'MAINTENANCE_API_TEST_RUN';

/** How long a process has to write its report, in milliseconds. */
const REPORT_MS = 10_000;
const POLL_MS = 200;

interface Handle {
  readonly type: string;
  readonly is_active: boolean;
  readonly is_referenced?: boolean;
  readonly fd?: number;
  readonly remoteEndpoint?: {readonly host?: string; readonly port?: number} | null;
}

/**
 * Why a Node process doesn't end, for whoever has to find the test that did it.
 *
 * @param pid - a process started with `reportArguments` and `RUN_VARIABLE`
 * @param directory - where it writes its report; also the variable's value
 * @returns what its event loop waits for, and which other processes of the run are there
 */
export async function whatKeeps(pid: number, directory: string): Promise<string> {
  process.kill(pid, 'SIGUSR2');
  const [handles, processes] = await Promise.all([openHandles(directory), processesOf(directory, pid)]);
  return `waiting for ${handles.join(', ') || 'nothing that it tells'}; still there: ${processes.join(', ') || 'no process'}`;
}

async function openHandles(directory: string): Promise<string[]> {
  for (let waited = 0; waited < REPORT_MS; waited += POLL_MS) {
    await delay(POLL_MS);
    const [file] = globSync('report.*.json', {cwd: directory});
    const report = file === undefined ? undefined : parsed(await readFile(join(directory, file), 'utf8'));
    if (report !== undefined)
      return report.libuv.filter((handle) => handle.is_active && handle.is_referenced === true).map(describe);
  }
  return [];
}

/** @returns undefined while the report is being written */
function parsed(text: string): {libuv: Handle[]} | undefined {
  try {
    return JSON.parse(text) as {libuv: Handle[]};
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function describe({type, fd, remoteEndpoint}: Handle): string {
  const to = remoteEndpoint?.host === undefined ? '' : ` to ${remoteEndpoint.host}:${String(remoteEndpoint.port)}`;
  return `${type}${fd === undefined ? '' : ` ${String(fd)}`}${to}`;
}

async function processesOf(run: string, except: number): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== except);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // A process may end while it is looked at, and has no files then.
      const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
      if (!(await read('environ')).split('\0').includes(`${RUN_VARIABLE}=${run}`)) return [];
      return [`${pid} (${(await read('cmdline')).replaceAll('\0', ' ').trim().slice(0, 200)})`];
    }),
  );
  return found.flat();
}
