import {expect, test} from '@jest/globals';
import fc from 'fast-check';
import {skipText} from './skip-text.ts';

/** What is looked for, its neighbours, the same with the top bit, and what borrows or is borrowed from. */
const bytes = fc.constantFrom(0x27, 0x5c, 0x26, 0x28, 0x5b, 0x5d, 0xa7, 0xdc, 0x00, 0x01, 0x7f, 0x80, 0xff, 0x61);

test('text is skipped to its first quote or backslash, or to less than four bytes before its end', () => {
  fc.assert(
    fc.property(fc.array(bytes, {maxLength: 40}), fc.nat(7), fc.nat(7), (content, before, from) => {
      // At any place in memory.
      const memory = Buffer.from([...Array<number>(before).fill(0x27), ...content, 0x27]);
      const view = new DataView(memory.buffer, memory.byteOffset + before, content.length);
      const start = Math.min(from, content.length);
      const found = content.findIndex((byte, index) => index >= start && (byte === 0x27 || byte === 0x5c));
      const at = skipText(view, start);
      if (at === found) return;
      // Not yet looked at.
      expect(content.length - at).toBeLessThan(4);
      expect(found === -1 || found > at).toBe(true);
      expect(at).toBeLessThanOrEqual(content.length);
    }),
    {numRuns: 2000},
  );
});
