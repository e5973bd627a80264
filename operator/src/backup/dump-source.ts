import {closeSync, constants, openSync, readSync} from 'node:fs';
import {readFile, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {DumpReader} from './dump-reader.ts';
import {handover} from './dump-script.ts';
import {BackupFailure} from './failure.ts';

/** Nobody else's time is taken: a look at a file costs microseconds. */
const POLL_MS = 10;
/** How long mysqldump's container may take to tell how it ended, after the end of its stream. */
const EXIT_SECONDS = 60;
/** As much of mysqldump's own words as a message quotes. */
const QUOTED = 300;
const SHARED = 'The folder that the containers of the backup share';

/** mysqldump in the other container, as it is seen from this one: a FIFO and files. */
export class DumpSource {
  readonly #folder: string;

  /** @param folder - the one that both containers share */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Lets mysqldump begin.
   *
   * @param waitSeconds - how long its container may take to come up
   * @param signal - ends the wait
   * @returns the dump, with mysqldump waiting while nobody reads
   * @throws BackupFailure DumpFailed when the container doesn't come up, DiskFull
   */
  async start(waitSeconds: number, signal: AbortSignal): Promise<DumpReader> {
    await this.#appears(handover.fifo, waitSeconds, signal);
    // Never a read that blocks: its thread would keep the process from ending.
    const fd = openSync(join(this.#folder, handover.fifo), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      await this.#make(handover.start);
      return new DumpReader(fd, await this.#firstBytes(fd, waitSeconds, signal));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /**
   * How mysqldump ended, which its exit code alone doesn't tell (invariant 10).
   *
   * @throws BackupFailure DumpFailed, DiskFull
   */
  async requireSuccess(signal: AbortSignal): Promise<void> {
    await this.#appears(handover.exit, EXIT_SECONDS, signal);
    const code = (await readFile(join(this.#folder, handover.exit), 'utf8')).trim();
    // What mysqldump reported may be cut off too.
    if (code === '')
      throw new BackupFailure('DiskFull', `${SHARED} has no room left: how mysqldump ended could not be written there`);
    const errors = await readFile(join(this.#folder, handover.errors), 'utf8');
    const lines = errors.split('\n');
    // Not everything that ends it calls itself an error.
    const last = code === '0' ? undefined : lines.find((text) => /^mysqldump: (?!\[Warning])/.test(text));
    const line = lines.find((text) => /\berror\b/i.test(text)) ?? last;
    const said = line === undefined ? '' : `: ${line.trim().slice(0, QUOTED)}`;
    if (code !== '0') throw new BackupFailure('DumpFailed', `mysqldump ended with exit code ${code}${said}`);
    if (said !== '')
      throw new BackupFailure('DumpFailed', `mysqldump ended with exit code 0 but reports an error${said}`);
  }

  /**
   * Tells the other container that there will be no dump.
   *
   * @throws BackupFailure DiskFull
   */
  async stop(): Promise<void> {
    await this.#make(handover.stop);
  }

  async #make(name: string): Promise<void> {
    try {
      await writeFile(join(this.#folder, name), '');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      throw new BackupFailure('DiskFull', `${SHARED} has no room left: "${name}" could not be made there`, error);
    }
  }

  async #appears(name: string, waitSeconds: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + waitSeconds * 1000;
    for (;;) {
      signal.throwIfAborted();
      if (await exists(join(this.#folder, name))) return;
      if (performance.now() > deadline)
        throw new BackupFailure(
          'DumpFailed',
          `The container with mysqldump ${name === handover.exit ? 'was killed' : 'did not start'}: "${name}" is missing`,
        );
      await delay(POLL_MS);
    }
  }

  /** Waits for the other side: until it is there a read finds the end of the stream, then nothing, then bytes. */
  async #firstBytes(fd: number, waitSeconds: number, signal: AbortSignal): Promise<Buffer> {
    const buffer = Buffer.alloc(4096);
    const deadline = performance.now() + waitSeconds * 1000;
    for (;;) {
      signal.throwIfAborted();
      const length = readNow(fd, buffer);
      if (length === undefined) return buffer.subarray(0, 0);
      if (length > 0) return buffer.subarray(0, length);
      if (await exists(join(this.#folder, handover.exit))) return buffer.subarray(0, 0);
      if (performance.now() > deadline)
        throw new BackupFailure('DumpFailed', `mysqldump did not begin within ${String(waitSeconds)} s`);
      await delay(POLL_MS);
    }
  }
}

/**
 * A read that doesn't wait.
 *
 * @returns 0 without another side, undefined when it is there and has written nothing yet
 */
function readNow(fd: number, buffer: Buffer): number | undefined {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
