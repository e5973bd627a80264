import {describe, expect, test} from '@jest/globals';
import {Batch} from './batch.ts';

interface Lookups {
  readonly batch: Batch<string>;
  /** Keys of each lookup. */
  readonly asked: (readonly string[])[];
}

/** Lookups that find every key but `missing`. */
function createBatch(limit: number, failure?: Error): Lookups {
  const asked: (readonly string[])[] = [];
  const load = async (keys: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    asked.push(keys);
    if (failure !== undefined) throw failure;
    return new Map(keys.filter((key) => key !== 'missing').map((key) => [key, `value of ${key}`]));
  };
  return {batch: new Batch(load, limit), asked};
}

describe('lookups of one turn', () => {
  test('are one, and each gets its own value', async () => {
    const {batch, asked} = createBatch(3);
    expect(await Promise.all(['a', 'missing', 'a'].map((key) => batch.find(key)))).toEqual([
      'value of a',
      undefined,
      'value of a',
    ]);
    expect(asked).toEqual([['a', 'missing', 'a']]);
  });

  test('beyond the limit are as many as it takes', async () => {
    const {batch, asked} = createBatch(2);
    await Promise.all(['a', 'b', 'c'].map((key) => batch.find(key)));
    expect(asked).toEqual([['a', 'b'], ['c']]);
  });

  test('fail together, and the next turn is asked anew', async () => {
    const {batch, asked} = createBatch(2, new Error('gone'));
    const outcomes = await Promise.allSettled([batch.find('a'), batch.find('b')]);
    expect(outcomes.map(({status}) => status)).toEqual(['rejected', 'rejected']);
    await expect(batch.find('c')).rejects.toThrow('gone');
    expect(asked).toEqual([['a', 'b'], ['c']]);
  });
});
