import {describe, expect, test} from '@jest/globals';
import {lastScheduled, nextScheduled} from './schedule.ts';

const iso = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);
const at = (text: string): number => Date.parse(`${text}Z`);

describe('the schedule of backups', () => {
  // Monday, 2 March 2026.
  const NOW = at('2026-03-02T12:00');

  test.each([
    ['0 2 * * *', 'Etc/UTC', '2026-03-02T02:00', '2026-03-03T02:00'],
    ['0 12 * * *', 'Etc/UTC', '2026-03-02T12:00', '2026-03-03T12:00'],
    ['0 2 * * *', 'Asia/Tokyo', '2026-03-01T17:00', '2026-03-02T17:00'],
    ['0 2 * * *', 'America/Los_Angeles', '2026-03-02T10:00', '2026-03-03T10:00'],
    ['*/15 * * * *', 'Etc/UTC', '2026-03-02T12:00', '2026-03-02T12:15'],
    ['5/20 * * * *', 'Etc/UTC', '2026-03-02T11:45', '2026-03-02T12:05'],
    ['30 1 * * 1-5', 'Etc/UTC', '2026-03-02T01:30', '2026-03-03T01:30'],
    ['30 1 * * 0,6', 'Etc/UTC', '2026-03-01T01:30', '2026-03-07T01:30'],
    ['0 0 1 1 *', 'Etc/UTC', '2026-01-01T00:00', '2027-01-01T00:00'],
    ['0 0 29 2 *', 'Etc/UTC', '2024-02-29T00:00', '2028-02-29T00:00'],
    ['0 0 13 * 5', 'Etc/UTC', '2026-02-27T00:00', '2026-03-06T00:00'],
    ['0 0 13 * *', 'Etc/UTC', '2026-02-13T00:00', '2026-03-13T00:00'],
    ['0 0 */2 * 1', 'Etc/UTC', '2026-03-02T00:00', '2026-03-03T00:00'],
  ])('%s in %s', (schedule, zone, last, next) => {
    expect(iso(lastScheduled(schedule, zone, NOW))).toBe(last);
    expect(iso(nextScheduled(schedule, zone, NOW))).toBe(next);
  });

  test.each([
    ['60 2 * * *', 'Etc/UTC'],
    ['0 24 * * *', 'Etc/UTC'],
    ['0 2 0 * *', 'Etc/UTC'],
    ['0 2 * * 7', 'Etc/UTC'],
    ['5-1 2 * * *', 'Etc/UTC'],
    ['*/0 2 * * *', 'Etc/UTC'],
    ['1- 2 * * *', 'Etc/UTC'],
    ['0 2 * *', 'Etc/UTC'],
    ['0 0 30 2 *', 'Etc/UTC'],
    ['0 2 * * *', 'Europe/Nowhere'],
  ])('%s in %s never asks', (schedule, zone) => {
    expect(lastScheduled(schedule, zone, NOW)).toBeUndefined();
    expect(nextScheduled(schedule, zone, NOW)).toBeUndefined();
  });

  test('follows the clocks when they are set forward and back', () => {
    const berlin = (text: string) => iso(nextScheduled('0 4 * * *', 'Europe/Berlin', at(text)));
    expect(berlin('2026-03-28T12:00')).toBe('2026-03-29T02:00');
    expect(berlin('2026-03-27T12:00')).toBe('2026-03-28T03:00');
    expect(berlin('2026-10-24T12:00')).toBe('2026-10-25T03:00');
  });

  test('the next run after one is later, and the last before it is itself', () => {
    let time = NOW;
    for (let run = 0; run < 50; run++) {
      const next = nextScheduled('17 3,15 */3 * *', 'Australia/Adelaide', time) ?? 0;
      expect(next).toBeGreaterThan(time);
      expect(lastScheduled('17 3,15 */3 * *', 'Australia/Adelaide', next)).toBe(next);
      time = next;
    }
  });
});
