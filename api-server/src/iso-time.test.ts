import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {isoTime} from './iso-time.ts';

const FIRST = new Date('1000-01-01T00:00:00.000Z');
const LAST = new Date('9999-12-31T23:59:59.999Z');

describe('a time as text', () => {
  test('is what the engine gives, at any time that the database keeps', () => {
    fc.assert(
      fc.property(
        fc.date({min: FIRST, max: LAST, noInvalidDate: true}),
        (date) => isoTime(date) === date.toISOString(),
      ),
      {numRuns: 2000},
    );
  });

  test.each([
    ...['1000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '1969-12-31T23:59:59.999Z', '1970-01-01T00:00:00.000Z'],
    ...['2000-02-29T12:00:00.000Z', '2100-02-28T23:59:59.999Z', '2100-03-01T00:00:00.000Z', '2024-02-29T00:00:00.001Z'],
    ...['2400-02-29T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-12-31T23:59:59.000Z', '1900-03-01T00:00:00.000Z'],
  ])('has the ends of days, years and centuries: %s', (text) => {
    expect(isoTime(new Date(text))).toBe(text);
  });
});
