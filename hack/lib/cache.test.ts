import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, mkdtemp, readFile, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {cached} from './cache.ts';
import {lockFile} from './lock.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cache-test-'));
});

afterEach(async () => {
  await rm(root, {recursive: true});
});

describe('cached', () => {
  test('builds an entry once, also for several callers at a time', async () => {
    let builds = 0;
    const build = async (directory: string): Promise<void> => {
      builds += 1;
      await writeFile(join(directory, 'content'), 'built');
    };
    const paths = await Promise.all([1, 2, 3].map(async () => cached('go/1a', build, {root})));
    expect(new Set(paths)).toEqual(new Set([join(root, 'go/1a')]));
    expect(await readFile(join(root, 'go/1a/content'), 'utf8')).toBe('built');
    expect(builds).toBe(1);
  });

  test('leaves no entry when the build fails, and builds again when asked again', async () => {
    const failing = async (directory: string): Promise<void> => {
      await writeFile(join(directory, 'half'), '');
      throw new Error('no compiler');
    };
    await expect(cached('one', failing, {root})).rejects.toThrow('no compiler');
    expect((await readdir(root)).filter((name) => name !== 'one.lock')).toEqual([]);
    const entry = await cached('one', async (directory) => writeFile(join(directory, 'whole'), ''), {root});
    expect(await readdir(entry)).toEqual(['whole']);
  });

  test('removes what a killed build of the same key left, and nothing else', async () => {
    await mkdir(join(root, 'one.tmp-abc'), {recursive: true});
    await mkdir(join(root, 'one-more.tmp-abc'));
    await cached('one', async () => undefined, {root});
    expect((await readdir(root)).sort()).toEqual(['one', 'one-more.tmp-abc', 'one.lock']);
  });

  test.each(['', '../up', 'a/b/c', '/abs', 'Upper'])('refuses the key %j', async (key) => {
    await expect(cached(key, async () => undefined, {root})).rejects.toThrow(RangeError);
  });
});

describe('lockFile', () => {
  test('makes the second wait for the first and names the holder', async () => {
    const path = join(root, 'lock');
    const first = await lockFile(path);
    const order: string[] = [];
    let holder = '';
    const waiting = new Promise<void>((resolve) => {
      void lockFile(path, (text) => {
        holder = text;
        resolve();
      }).then(async (second) => {
        order.push('second');
        await second.release();
        order.push('released');
      });
    });
    await waiting;
    expect(holder).toBe(`process ${String(process.pid)}`);
    order.push('first');
    await first.release();
    const third = await lockFile(path);
    await third.release();
    expect(order.slice(0, 2)).toEqual(['first', 'second']);
  });

  test('is free at once when its holder was killed', async () => {
    const path = join(root, 'lock');
    const script = `import {lockFile} from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
      await lockFile(${JSON.stringify(path)}); console.log('locked'); setInterval(() => undefined, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    holder.kill('SIGKILL');
    const lock = await lockFile(path);
    await lock.release();
  });
});
