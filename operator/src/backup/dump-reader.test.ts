import {execFileSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {constants, openSync} from 'node:fs';
import {mkdtemp, open, rm, type FileHandle} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {BLOCK_BYTES, DumpReader} from './dump-reader.ts';

const content = randomBytes(4 * BLOCK_BYTES + 77);
const FIRST_BYTES = 5;

let folder: string;
let reader: DumpReader;
let writer: FileHandle;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fifo-'));
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  writer = await open(path, 'w');
  reader = new DumpReader(fd, content.subarray(0, FIRST_BYTES));
});

afterEach(async () => {
  reader.destroy();
  await writer.close();
  await rm(folder, {recursive: true});
});

test('a FIFO comes in blocks, of which none changes until the next but one is asked for', async () => {
  const blocks = reader.blocks(new AbortController().signal);
  const next = async (): Promise<Buffer> => (await blocks.next()).value ?? Buffer.alloc(0);
  /** Ends when all but what fits a pipe has been read. */
  const write = async (from: number, to: number): Promise<void> => writer.writeFile(content.subarray(from, to));
  const expected = (index: number): Buffer => content.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);

  const [first] = await Promise.all([next(), write(FIRST_BYTES, BLOCK_BYTES)]);
  const [second] = await Promise.all([next(), write(BLOCK_BYTES, 2 * BLOCK_BYTES)]);
  await write(2 * BLOCK_BYTES, 2.5 * BLOCK_BYTES);
  expect(first.equals(expected(0))).toBe(true);
  const [third] = await Promise.all([next(), write(2.5 * BLOCK_BYTES, 3 * BLOCK_BYTES)]);
  await write(3 * BLOCK_BYTES, 3.5 * BLOCK_BYTES);
  expect(second.equals(expected(1))).toBe(true);
  const [fourth] = await Promise.all([next(), write(3.5 * BLOCK_BYTES, content.length)]);
  expect(third.equals(expected(2))).toBe(true);
  const [last] = await Promise.all([next(), writer.close()]);
  expect(fourth.equals(expected(3))).toBe(true);
  expect(last.equals(expected(4))).toBe(true);
  expect((await blocks.next()).done).toBe(true);
}, 60_000);

test('the wait for more ends with the reason of the signal', async () => {
  const interrupted = new AbortController();
  const next = reader.blocks(interrupted.signal).next();
  interrupted.abort(new Error('told to end'));
  await expect(next).rejects.toThrow('told to end');
});
