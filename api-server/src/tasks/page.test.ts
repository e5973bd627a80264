import {describe, expect, test} from '@jest/globals';
import {bytesOfTask, readPage} from './page.ts';

interface Item {
  readonly number: number;
  readonly description: string;
}

/** A list of items with descriptions of so many characters, and what was asked of it. */
function listOf(lengths: readonly number[], character = 'x') {
  const items: readonly Item[] = lengths.map((length, number) => ({number, description: character.repeat(length)}));
  const counts: number[] = [];
  const read = (after: Item | undefined, count: number): Promise<readonly Item[]> => {
    counts.push(count);
    const from = after === undefined ? 0 : after.number + 1;
    return Promise.resolve(items.slice(from, from + count));
  };
  return {counts, read};
}

const short = (count: number): readonly number[] => Array.from({length: count}, () => 10);
const long = (count: number): readonly number[] => Array.from({length: count}, () => 10_000);

describe('a page', () => {
  test.each([
    [0, 20, 0, false],
    [20, 20, 20, false],
    [21, 20, 20, true],
    [100, 100, 100, false],
    [101, 100, 100, true],
    [26, 25, 25, true],
    [52, 100, 52, false],
    [1, 1, 1, false],
  ])('of a list of %i short items, limit %i, has %i', async (total, limit, expected, hasMore) => {
    const page = await readPage(limit, bytesOfTask, listOf(short(total)).read);
    expect(page.items.map(({number}) => number)).toEqual(Array.from({length: expected}, (_, i) => i));
    expect(page.hasMore).toBe(hasMore);
  });

  test('of the default size takes one statement, and no statement reads more than 26', async () => {
    const twenty = listOf(short(50));
    await readPage(20, bytesOfTask, twenty.read);
    expect(twenty.counts).toEqual([21]);
    const hundred = listOf(short(200));
    await readPage(100, bytesOfTask, hundred.read);
    expect(hundred.counts).toEqual([26, 26, 26, 23]);
  });

  test('ends early when its texts are long, counted in bytes, and reads no further', async () => {
    const latin = listOf(long(100));
    expect(await readPage(100, bytesOfTask, latin.read)).toMatchObject({items: {length: 26}, hasMore: true});
    expect(latin.counts).toEqual([26, 26]);
    expect(await readPage(100, bytesOfTask, listOf(long(100), '🛠').read)).toMatchObject({
      items: {length: 6},
      hasMore: true,
    });
    // A control character is six in JSON.
    expect(await readPage(100, bytesOfTask, listOf(long(100), '\u0001').read)).toMatchObject({
      items: {length: 4},
      hasMore: true,
    });
  });

  test('has a hundred tasks of a paragraph each', async () => {
    const paragraphs = Array.from({length: 100}, (_, i) => (i % 2 === 0 ? 400 : 2000));
    expect(await readPage(100, bytesOfTask, listOf(paragraphs).read)).toMatchObject({
      items: {length: 100},
      hasMore: false,
    });
    const controls = listOf(
      Array.from({length: 101}, () => 400),
      '\u0001',
    );
    expect(await readPage(100, bytesOfTask, controls.read)).toMatchObject({items: {length: 100}, hasMore: true});
  });

  test('has at least one item, and the last one whatever came before it', async () => {
    expect(await readPage(100, bytesOfTask, listOf([300_000, 10]).read)).toMatchObject({
      items: {length: 1},
      hasMore: true,
    });
    expect(await readPage(100, bytesOfTask, listOf([300_000]).read)).toMatchObject({
      items: {length: 1},
      hasMore: false,
    });
  });
});
