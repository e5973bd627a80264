import {readFile} from 'node:fs/promises';

/** Length of the clock ticks in /proc, which Linux shows in hundredths of a second everywhere (USER_HZ, proc(5)). */
const TICK_SECONDS = 0.01;

/** CPU time of a process and its threads so far, user and system, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

/** The most memory that a process ever had resident, in bytes. */
export async function peakResident(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`);
  return Number(kilobytes) * 1024;
}
