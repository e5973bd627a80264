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

/** Bytes that a process has resident. */
export interface Resident {
  readonly all: number;
  /** Pages of files, of which the program itself is nearly all: the kernel has them once, for all processes that run it. */
  readonly ofFiles: number;
}

/** Watches how much memory a process has resident. */
export interface MemoryWatch {
  /** @returns the most that was seen */
  stop(): Promise<Resident>;
}

/**
 * Looks at a process's resident memory twice a second, as one who scrapes `process_resident_memory_bytes` would: what the
 * kernel calls the peak also has the instants of a collection or a compilation in it, which nobody sees.
 */
export function watchMemory(pid: number): MemoryWatch {
  let most: Resident = {all: 0, ofFiles: 0};
  const end = new AbortController();
  const loop = (async () => {
    while (!end.signal.aborted) {
      const seen = await resident(pid);
      if (seen.all > most.all) most = seen;
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

async function resident(pid: number): Promise<Resident> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
    return Number(kilobytes) * 1024;
  };
  return {all: field('VmRSS'), ofFiles: field('RssFile')};
}
