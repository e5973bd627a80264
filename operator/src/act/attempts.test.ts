import {describe, expect, test} from '@jest/globals';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {Attempts, isNamespaceTerminating, isRefusal, type Attempt} from './attempts.ts';
import {anError} from './testing.ts';

const SECOND = 1_000;
const ATTEMPT: Attempt = {object: 'Deployment/shop', wanted: 'w', live: 'l', touch: 't'};

function someAttempts() {
  const clock = new FakeClock();
  const attempts = new Attempts(clock);
  let made = 0;
  return {
    ...{clock, attempts},
    made: () => made,
    refusedWith: (error: Error, change: Partial<Attempt> = {}) =>
      attempts.make('apis/shop', {...ATTEMPT, ...change}, () => {
        made++;
        return Promise.reject(error);
      }),
    done: (change: Partial<Attempt> = {}, asked = true) =>
      attempts.make(
        'apis/shop',
        {...ATTEMPT, ...change},
        async () => {
          made++;
          return 'value';
        },
        () => asked,
      ),
  };
}

describe('what was refused', () => {
  test('is asked for again every two minutes, though it is looked at every five seconds', async () => {
    const {clock, made, refusedWith} = someAttempts();
    for (let second = 0; second < 600; second += 5) {
      expect(await refusedWith(anError(422, 'Invalid'))).toEqual({kind: 'Refused', message: '422 Invalid'});
      await clock.advance(5 * SECOND);
    }
    expect(made()).toBe(5);
  });

  test.each<[string, Partial<Attempt>]>([
    ['what is wanted', {wanted: 'other'}],
    ['what is there', {live: undefined}],
    ['the resource', {touch: 'other'}],
    ['the object', {object: 'Service/shop'}],
  ])('is asked for at once when %s is another', async (_what, change) => {
    const {done, refusedWith} = someAttempts();
    await refusedWith(anError(403, 'Forbidden'));
    expect(await done(change)).toEqual({kind: 'Done', value: 'value'});
  });

  test('by an error of the server is asked for sooner at first, then half as often each time', async () => {
    const {clock, made, refusedWith} = someAttempts();
    const at: number[] = [];
    for (let second = 0; second < 600; second++) {
      const before = made();
      await refusedWith(anError(500, 'InternalError'));
      if (made() > before) at.push(second);
      await clock.advance(SECOND);
    }
    expect(at).toEqual([0, 5, 15, 35, 75, 155, 275, 395, 515]);
  });

  test('of one resource says nothing of another', async () => {
    const {attempts, refusedWith} = someAttempts();
    await refusedWith(anError(422));
    const other = await attempts.make('apis/other', ATTEMPT, async () => 1);
    expect(other).toEqual({kind: 'Done', value: 1});
  });

  test('is asked for again once the resource was forgotten', async () => {
    const {attempts, done, refusedWith} = someAttempts();
    await refusedWith(anError(422));
    attempts.forget('apis/shop');
    expect((await done()).kind).toBe('Done');
  });
});

describe('what may pass by itself', () => {
  const passing = [anError(409, 'Conflict'), anError(503), anError(429), anError(504), new TypeError('a bug')];

  test.each(passing.map((error) => [error.message, error] as const))(
    'is thrown and tried again: %s',
    async (_message, error) => {
      const {done, refusedWith} = someAttempts();
      await expect(refusedWith(error)).rejects.toBe(error);
      expect((await done()).kind).toBe('Done');
    },
  );

  test('a namespace that is being deleted refuses for good, which is nobody to tell of', async () => {
    const {refusedWith} = someAttempts();
    const error = anError(403, 'Forbidden', ['metadata.namespace']);
    await expect(refusedWith(error)).rejects.toBe(error);
    expect([isNamespaceTerminating(error), isRefusal(error)]).toEqual([true, false]);
    expect(isNamespaceTerminating(anError(403, 'Forbidden', ['spec']))).toBe(false);
  });
});

describe('what somebody else undoes', () => {
  test('is repaired at most three times in two minutes', async () => {
    const {clock, made, done} = someAttempts();
    for (let second = 0; second < 600; second++) {
      await done({live: `edited-${String(second)}`});
      await clock.advance(SECOND);
    }
    expect(made()).toBe(15);
  });

  test('is no quarrel when nothing had to be sent, or when it is as it should be', async () => {
    const {done} = someAttempts();
    for (let i = 0; i < 5; i++) expect((await done({}, false)).kind).toBe('Done');
    for (let i = 0; i < 3; i++) expect((await done()).kind).toBe('Done');
    expect((await done()).kind).toBe('Contested');
    expect((await done({live: 'w'}, false)).kind).toBe('Done');
  });

  test('does not hold up another want', async () => {
    const {done} = someAttempts();
    for (let i = 0; i < 4; i++) await done();
    expect((await done({wanted: 'the revision to roll back to'})).kind).toBe('Done');
  });
});
