import {describe, expect, test} from '@jest/globals';
import {createProgress, formatDuration} from './progress.ts';

function recorder(isTTY: boolean): {isTTY: boolean; columns: number; written: string; write(text: string): void} {
  return {
    isTTY,
    columns: 40,
    written: '',
    write(text) {
      this.written += text;
    },
  };
}

describe('createProgress', () => {
  test('writes begin and end as lines when it is not a terminal', async () => {
    const stream = recorder(false);
    const progress = createProgress(stream);
    const result = await progress.run('building', async () => {
      progress.note('halfway');
      return Promise.resolve(7);
    });
    expect(result).toBe(7);
    expect(stream.written).toMatch(/^→ building\nhalfway\n✓ building \(\d+\.\d s\)\n$/);
  });

  test('marks failed work and passes its error on', async () => {
    const stream = recorder(false);
    const failing = createProgress(stream).run('building', async () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    expect(stream.written).toMatch(/✗ building/);
  });

  test('redraws one line on a terminal, cut to its width', async () => {
    const stream = recorder(true);
    await createProgress(stream).run('a title that is much longer than the terminal is wide', async () =>
      Promise.resolve(),
    );
    const drawn = stream.written.split('\n')[0]?.split('\r\u001b[K') ?? [];
    expect(drawn[1]).toHaveLength(39);
    expect(stream.written.match(/\n/g)).toHaveLength(1);
  });
});

test.each([
  [0, '0.0 s'],
  [59_940, '59.9 s'],
  [60_000, '1 min 00 s'],
  [245_400, '4 min 05 s'],
])('formatDuration(%d) is %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
