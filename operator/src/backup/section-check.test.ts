import {createHash} from 'node:crypto';
import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import type {Section} from './dump-scanner.ts';
import {SectionCheck} from './section-check.ts';

function section(content: string): Section {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {kind: 'table', name: content.slice(0, 3), bytes: content.length, sha256, rows: 1};
}

const contents = ['', 'header', 'one table', 'another one', '', 'end'];
const dump = contents.join('');

/** @param cuts - where the dump that comes back is cut */
function check(back: string, cuts: readonly number[] = []): void {
  const sections = contents.map((content) => section(content));
  const check = new SectionCheck(sections);
  const borders = [0, ...cuts.toSorted((a, b) => a - b), back.length];
  for (const [index, border] of borders.slice(1).entries()) check.push(Buffer.from(back.slice(borders[index], border)));
  check.end();
}

describe('a dump that comes back', () => {
  test('passes when every section is the same, wherever it is cut', () => {
    fc.assert(fc.property(fc.array(fc.nat(dump.length), {maxLength: 20}), (cuts) => check(dump, cuts)));
  });

  test('passes when it comes back while sections are still being added', () => {
    const sections: Section[] = [];
    const check = new SectionCheck(sections);
    for (const content of contents) {
      check.push(Buffer.from(content.slice(0, 2)));
      sections.push(section(content));
      check.push(Buffer.from(content.slice(2)));
    }
    check.end();
  });

  test.each([
    ['a byte is another', dump.replace('another', 'Another')],
    ['the end is missing', dump.slice(0, -1)],
    ['a section is missing', dump.replace('one table', '')],
    ['there is more', `${dump}!`],
    ['there is nothing', ''],
    ['two sections have changed places', ['header', 'another one', 'one table', 'end'].join('')],
  ])('is refused when %s', (_how, back) => {
    expect(() => check(back)).toThrow('What was encrypted does not decode to what was dumped');
    expect(() => check(back, [3, 9])).toThrow(expect.objectContaining({reason: 'VerificationFailed'}));
  });
});
