import {describe, expect, test} from '@jest/globals';
import {Shared} from './shared.ts';

describe('what several want in one turn', () => {
  test('is asked for once where it is the same', async () => {
    const shared = new Shared<string>();
    const asked: string[] = [];
    const ask = (name: string): Promise<string> =>
      shared.ask(name, async () => {
        asked.push(name);
        return `answer to ${name}`;
      });
    expect(await Promise.all([ask('a'), ask('b'), ask('a')])).toEqual(['answer to a', 'answer to b', 'answer to a']);
    expect(asked).toEqual(['a', 'b']);
  });

  test('is never what was there before it was wanted', async () => {
    const shared = new Shared<number>();
    let value = 1;
    const read = (): Promise<number> =>
      shared.ask('value', async () => {
        const found = value;
        // On its way.
        await new Promise(setImmediate);
        return found;
      });
    const answers: Promise<number>[] = [read()];
    const write = new Promise<void>((resolve) => {
      setImmediate(() => {
        // The first read is under way by now, and doesn't know of this.
        value = 2;
        answers.push(read());
        resolve();
      });
    });
    await write;
    expect(await Promise.all(answers)).toEqual([1, 2]);
  });

  test('fails for all that share it, and is asked for anew', async () => {
    const shared = new Shared<string>();
    let attempts = 0;
    const ask = (): Promise<string> =>
      shared.ask('a', async () => {
        attempts++;
        if (attempts === 1) throw new Error('gone');
        return 'there';
      });
    const outcomes = await Promise.allSettled([ask(), ask()]);
    expect(outcomes.map(({status}) => status)).toEqual(['rejected', 'rejected']);
    expect(await ask()).toBe('there');
  });
});
