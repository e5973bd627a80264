import {expect, test} from '@jest/globals';
import fc from 'fast-check';
import {linesOf} from './lines.ts';

async function* chunksOf(...chunks: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    yield Buffer.from(chunk);
  }
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) {
    all.push(line);
  }
  return all;
}

test('lines come whole, however the bytes were cut, also within a character', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({unit: 'grapheme', minLength: 1}).filter((line) => !line.includes('\n'))),
      fc.array(fc.nat({max: 200})),
      async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const places = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort(
          (a, b) => a - b,
        );
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        let heard = 0;
        const got = await collect(linesOf(chunksOf(...chunks), (count) => (heard += count)));
        expect(got).toEqual(lines);
        expect(heard).toBe(bytes.length);
      },
    ),
  );
});

test('a stream that ends within a line is broken, and what came before it is given', async () => {
  const got: string[] = [];
  const reading = (async () => {
    for await (const line of linesOf(chunksOf('one\ntw'))) {
      got.push(line);
    }
  })();
  await expect(reading).rejects.toMatchObject({kind: 'Network', reason: 'Truncated'});
  expect(got).toEqual(['one']);
});

test('empty lines are left out', async () => {
  expect(await collect(linesOf(chunksOf('\n\na\n\n')))).toEqual(['a']);
});

test('a line that never ends is refused instead of filling the memory', async () => {
  const endless = (async function* () {
    for (;;) {
      yield Buffer.alloc(1024 * 1024, 'x');
    }
  })();
  await expect(collect(linesOf(endless))).rejects.toMatchObject({reason: 'LineTooLong'});
});
