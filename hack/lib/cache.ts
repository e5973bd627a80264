import {mkdir, mkdtemp, readdir, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {isNotFound} from './errors.ts';
import {lockFile} from './lock.ts';
import {cacheRoot} from './state.ts';

/** A cache key: a path of one or two parts, of characters that are safe in file names everywhere. */
const KEY = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)?$/;

export interface CacheOptions {
  /** Called when another process is building the same entry, with a description of it. */
  readonly onWait?: (holder: string) => void;
  /** Folder of the cache; cacheRoot() when left out. */
  readonly root?: string;
}

/**
 * Returns the folder of a cache entry and builds it first if it isn't there.
 *
 * An entry is built once, however many processes ask; it appears whole (built aside, then renamed) or not at all, and
 * never changes afterwards. What a killed build left is removed by the next one.
 * @param key - names the content, so it must hold a hash or version of all that goes in, for example `go/3f2a…`
 * @param build - fills the given empty folder; its error is passed on and leaves no entry
 * @param options - see CacheOptions
 * @returns the absolute path of the entry
 */
export async function cached(
  key: string,
  build: (directory: string) => Promise<void>,
  options: CacheOptions = {},
): Promise<string> {
  if (!KEY.test(key)) throw new RangeError(`cache key must match ${String(KEY)}: ${key}`);
  const entry = join(options.root ?? cacheRoot(), key);
  if (await exists(entry)) return entry;
  await mkdir(dirname(entry), {recursive: true});
  const lock = await lockFile(`${entry}.lock`, options.onWait);
  try {
    if (await exists(entry)) return entry;
    await removeLeftovers(entry);
    const temporary = await mkdtemp(`${entry}.tmp-`);
    try {
      await build(temporary);
      await rename(temporary, entry);
    } catch (error) {
      await rm(temporary, {recursive: true, force: true});
      throw error;
    }
    return entry;
  } finally {
    await lock.release();
  }
}

async function removeLeftovers(entry: string): Promise<void> {
  const prefix = `${basename(entry)}.tmp-`;
  for (const name of await readdir(dirname(entry))) {
    if (name.startsWith(prefix)) await rm(join(dirname(entry), name), {recursive: true, force: true});
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
