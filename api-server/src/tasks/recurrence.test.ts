import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {faultOf, following} from './recurrence.ts';

const DUE = '2026-03-27T08:00:00.000Z';
const EARLIER = new Date('2026-01-01T00:00:00Z');
const berlin = (rule: string): {rule: string; timeZone: string} => ({rule, timeZone: 'Europe/Berlin'});

describe('what follows', () => {
  test.each([
    // The clocks go forward on 29 March: nine o'clock stays nine o'clock.
    ['FREQ=DAILY;INTERVAL=2', '2026-03-29T07:00:00.000Z'],
    ['FREQ=WEEKLY;BYDAY=MO,FR', '2026-03-30T07:00:00.000Z'],
    ['FREQ=MONTHLY;BYDAY=-1FR', '2026-04-24T07:00:00.000Z'],
    ['FREQ=MONTHLY;BYMONTHDAY=31', '2026-03-31T07:00:00.000Z'],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', '2026-03-31T07:00:00.000Z'],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', '2028-02-29T08:00:00.000Z'],
    ['FREQ=DAILY;UNTIL=20260328T080000Z', '2026-03-28T08:00:00.000Z'],
  ])('%s is at %s', (rule, dueAt) => {
    expect(following(berlin(rule), DUE, EARLIER)).toEqual({dueAt, recurrence: berlin(rule)});
  });

  test('a task that was forgotten is one task, not one for each time', () => {
    const now = new Date('2026-05-01T12:00:00Z');
    expect(following(berlin('FREQ=DAILY'), DUE, now)?.dueAt).toBe('2026-05-02T07:00:00.000Z');
    expect(following(berlin('FREQ=DAILY'), '1970-01-01T08:00:00.000Z', now)?.dueAt).toBe('2026-05-02T07:00:00.000Z');
  });

  test('a count counts what is left, the times passed over too', () => {
    expect(following(berlin('COUNT=3;FREQ=DAILY'), DUE, EARLIER)?.recurrence.rule).toBe('COUNT=2;FREQ=DAILY');
    const now = new Date('2026-03-30T12:00:00Z');
    expect(following(berlin('FREQ=DAILY;COUNT=5'), DUE, now)).toEqual({
      dueAt: '2026-03-31T07:00:00.000Z',
      recurrence: berlin('FREQ=DAILY;COUNT=1'),
    });
    expect(following(berlin('FREQ=DAILY;COUNT=4'), DUE, now)).toBeUndefined();
    expect(following(berlin('FREQ=DAILY;COUNT=1'), DUE, EARLIER)).toBeUndefined();
  });

  test('a rule that fitted once is followed, however far away its next time is', () => {
    const daily = berlin('FREQ=DAILY;BYMONTHDAY=29;BYMONTH=2;BYDAY=MO');
    expect(faultOf(daily, '2044-02-01T08:00:00.000Z')).toBeUndefined();
    expect(following(daily, '2044-02-29T08:00:00.000Z', EARLIER)?.dueAt).toBe('2072-02-29T08:00:00.000Z');
    expect(following(daily, '2072-02-29T08:00:00.000Z', EARLIER)?.dueAt).toBe('2112-02-29T08:00:00.000Z');
    const weekly = berlin('FREQ=WEEKLY;BYMONTH=2;BYDAY=MO');
    expect(following(weekly, '2026-03-01T08:00:00.000Z', EARLIER)?.dueAt).toBe('2027-02-01T08:00:00.000Z');
  });

  test('nothing is after the end', () => {
    expect(following(berlin('FREQ=DAILY;UNTIL=20260328T000000Z'), DUE, EARLIER)).toBeUndefined();
    expect(following(berlin('FREQ=YEARLY;INTERVAL=1000'), '8999-01-01T00:00:00.000Z', EARLIER)).toBeUndefined();
  });
});

describe('a rule is refused', () => {
  test.each([
    ['FREQ=HOURLY', 'must have FREQ=DAILY, WEEKLY, MONTHLY or YEARLY'],
    ['FREQ=SECONDLY;COUNT=5', 'must have FREQ=DAILY, WEEKLY, MONTHLY or YEARLY'],
    ['INTERVAL=2', 'must have FREQ=DAILY, WEEKLY, MONTHLY or YEARLY'],
    ['FREQ=DAILY;FREQ=WEEKLY', 'has FREQ twice'],
    ['FREQ=DAILY;', 'has a part that is not taken: '],
    ['FREQ=DAILY;BYHOUR=9', 'has a part that is not taken: BYHOUR=9'],
    ['FREQ=DAILY;constructor=1', 'has a part that is not taken: constructor=1'],
    ['FREQ=DAILY;INTERVAL=0', 'must have INTERVAL from 1 to 1000'],
    ['FREQ=DAILY;COUNT=1001', 'must have COUNT from 1 to 1000'],
    ['FREQ=MONTHLY;BYMONTHDAY=1,32', 'must have BYMONTHDAY from 1 to 31'],
    ['FREQ=MONTHLY;BYMONTHDAY=0', 'must have BYMONTHDAY from 1 to 31'],
    ['FREQ=YEARLY;BYMONTH=13', 'must have BYMONTH from 1 to 12'],
    ['FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z', 'must not have both COUNT and UNTIL'],
    ['FREQ=DAILY;UNTIL=20270101', 'has a part that is not taken: UNTIL=20270101'],
    ['FREQ=WEEKLY;BYMONTHDAY=9', expect.stringMatching(/^is not a rule of RFC 5545: /)],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'must fit some time within 500 of its periods'],
    ['FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30', 'must fit some time within 500 of its periods'],
  ])('%s', (rule, message) => {
    expect(faultOf(berlin(rule), DUE)).toEqual({field: 'rule', message});
  });

  test('for a zone that does not exist', () => {
    expect(faultOf({rule: 'FREQ=DAILY', timeZone: 'Europe/Atlantis'}, DUE)?.field).toBe('timeZone');
    expect(faultOf(berlin('FREQ=DAILY'), DUE)).toBeUndefined();
  });
});

test('whatever rule is taken leads to a later time that follows again, or to an end', () => {
  const numbers = (low: number, high: number): fc.Arbitrary<string> =>
    fc.uniqueArray(fc.integer({min: low, max: high}), {minLength: 1, maxLength: 5}).map((list) => list.join(','));
  const part = fc.oneof(
    fc.integer({min: 0, max: 1001}).map((n) => `INTERVAL=${n}`),
    fc.integer({min: 0, max: 1001}).map((n) => `COUNT=${n}`),
    fc.constant('UNTIL=20300101T000000Z'),
    numbers(-31, 31).map((n) => `BYMONTHDAY=${n}`),
    numbers(1, 12).map((n) => `BYMONTH=${n}`),
    numbers(-366, 366).map((n) => `BYSETPOS=${n}`),
    fc.constantFrom('BYDAY=MO', 'BYDAY=1SU,-1TU', 'BYDAY=53MO', 'WKST=SU'),
  );
  const rule = fc
    .tuple(fc.constantFrom('DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'), fc.array(part, {maxLength: 4}))
    .map(([freq, parts]) => [`FREQ=${freq}`, ...parts].join(';'));
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu');
  // By its count, at its UNTIL, or at the end of the times a task can have with an interval of years.
  const mayEnd = (text: string): boolean => /COUNT=|UNTIL=|INTERVAL=\d{2}/.test(text);
  let taken = 0;
  fc.assert(
    fc.property(
      rule,
      zone,
      fc.date({min: EARLIER, max: new Date('2028-12-31'), noInvalidDate: true}),
      (text, timeZone, date) => {
        let due = date.toISOString();
        let recurrence: {rule: string; timeZone: string} = {rule: text, timeZone};
        if (faultOf(recurrence, due) !== undefined) return;
        taken++;
        for (let i = 0; i < 3; i++) {
          const next = following(recurrence, due, EARLIER);
          if (next === undefined) {
            expect(mayEnd(recurrence.rule)).toBe(true);
            return;
          }
          expect(Date.parse(next.dueAt)).toBeGreaterThan(Date.parse(due));
          ({dueAt: due, recurrence} = next);
        }
      },
    ),
    {numRuns: 400},
  );
  expect(taken).toBeGreaterThan(50);
});
