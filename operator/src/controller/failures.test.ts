import {expect, test} from '@jest/globals';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {Failures} from './failures.ts';

test('a resource that failed rests, longer each time, until it is touched', async () => {
  const clock = new FakeClock();
  const failures = new Failures(clock);
  expect(failures.restMs('a', 't')).toBe(0);
  const rests: number[] = [];
  for (let i = 0; i < 6; i++) {
    failures.add('a', 't');
    rests.push(failures.restMs('a', 't'));
    await clock.advance(failures.restMs('a', 't'));
    expect(failures.restMs('a', 't')).toBe(0);
  }
  expect(rests).toEqual([10_000, 20_000, 40_000, 80_000, 120_000, 120_000]);
  failures.add('a', 't');
  expect([failures.restMs('a', 'touched'), failures.restMs('b', 't')]).toEqual([0, 0]);
  failures.add('a', 'touched');
  expect(failures.restMs('a', 'touched')).toBe(10_000);
  failures.forget('a');
  expect(failures.restMs('a', 'touched')).toBe(0);
});
