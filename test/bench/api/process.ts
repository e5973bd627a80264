import {readFile} from 'node:fs/promises';
import {setTimeout as delay} from 'node:timers/promises';

/** Length of the clock ticks in /proc, which Linux shows in hundredths of a second everywhere (USER_HZ, proc(5)). */
const TICK_SECONDS = 0.01;

/** CPU time of a process and its threads so far, user and system, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

/** How often memory is looked at. */
const SAMPLE_MS = 500;

/** Watches how much memory a process has resident. */
export interface MemoryWatch {
  /** @returns the most that was seen, in bytes */
  stop(): Promise<number>;
}

/**
 * Looks at a process's resident memory twice a second, as one who scrapes `process_resident_memory_bytes` would: what the
 * kernel calls the peak also has the instants of a collection or a compilation in it, which nobody sees.
 */
export function watchMemory(pid: number): MemoryWatch {
  let most = 0;
  const end = new AbortController();
  const loop = (async () => {
    while (!end.signal.aborted) {
      most = Math.max(most, await resident(pid));
      await delay(SAMPLE_MS);
    }
  })();
  return {
    stop: async () => {
      end.abort();
      await loop;
      return most;
    },
  };
}

async function resident(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kilobytes) * 1024;
}
