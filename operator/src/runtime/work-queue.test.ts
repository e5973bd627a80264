import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {Metrics} from './metrics.ts';
import {FakeClock} from './testing/fake-clock.ts';
import {WorkQueue} from './work-queue.ts';

function aQueue(options: {baseDelayMs?: number; maxDelayMs?: number} = {}): {queue: WorkQueue; clock: FakeClock} {
  const clock = new FakeClock();
  return {queue: new WorkQueue({name: 'test', clock, ...options}), clock};
}

/** The key at the front, which must be there. */
async function take(queue: WorkQueue): Promise<string> {
  expect(queue.length).toBeGreaterThan(0);
  const key = await queue.get();
  return key ?? '';
}

describe('adding', () => {
  test('a key that waits is there once however often it is added', async () => {
    const {queue} = aQueue();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.length).toBe(2);
    expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
    expect(queue.length).toBe(0);
  });

  test('a key under work is not handed out again until it is done, and then once', async () => {
    const {queue} = aQueue();
    queue.add('a');
    await take(queue);
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    await take(queue);
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  test('a waiting worker gets the next key', async () => {
    const {queue} = aQueue();
    const got = queue.get();
    queue.add('a');
    await expect(got).resolves.toBe('a');
    expect(queue.length).toBe(0);
  });

  test('done of a key that is not under work changes nothing', () => {
    const {queue} = aQueue();
    queue.add('a');
    queue.done('a');
    expect(queue.length).toBe(1);
  });
});

describe('delays', () => {
  test('a delayed key comes when its time has come', async () => {
    const {queue, clock} = aQueue();
    queue.addAfter('a', 100);
    await clock.advance(99);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
  });

  test('of several delays the earliest counts, whichever was added first', async () => {
    for (const delays of [
      [50, 100],
      [100, 50],
    ]) {
      const {queue, clock} = aQueue();
      delays.forEach((delay) => queue.addAfter('a', delay));
      await clock.advance(50);
      expect(await queue.get()).toBe('a');
      queue.done('a');
      await clock.advance(1000);
      expect(queue.length).toBe(0);
    }
  });

  test('no delay is an add', () => {
    const {queue, clock} = aQueue();
    queue.addAfter('a', 0);
    expect(queue.length).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('failures back off for each key alone, up to the cap, until forgotten', async () => {
    const {queue, clock} = aQueue({baseDelayMs: 5, maxDelayMs: 40});
    const delays: number[] = [];
    for (let failure = 0; failure < 5; failure++) {
      queue.addRateLimited('a');
      delays.push(clock.next ?? NaN);
      await clock.advance(1000);
      await take(queue);
      queue.done('a');
    }
    expect(delays).toEqual([5, 10, 20, 40, 40]);
    expect(queue.failures('a')).toBe(5);
    queue.addRateLimited('b');
    expect(clock.next).toBe(5);
    await clock.advance(5);
    await take(queue);
    queue.forget('a');
    expect(queue.failures('a')).toBe(0);
    queue.addRateLimited('a');
    expect(clock.next).toBe(5);
  });

  test('the default cap is 1,000 s, as in client-go', async () => {
    const {queue, clock} = aQueue();
    let last: number | undefined;
    for (let failure = 0; failure < 20; failure++) {
      queue.addRateLimited('a');
      last = clock.next;
      await clock.advance(1_000_000);
    }
    expect(last).toBe(1_000_000);
  });

  test('a server that asks for patience gets it, on top of the backoff', () => {
    const {queue, clock} = aQueue();
    queue.addRateLimited('a', 3000);
    expect(clock.next).toBe(3000);
  });
});

describe('shutting down', () => {
  test('what waits is still handed out, what is delayed is not, and workers are let go', async () => {
    const {queue, clock} = aQueue();
    const idle = aQueue().queue;
    const waiting = idle.get();
    idle.shutDown();
    await expect(waiting).resolves.toBeUndefined();

    queue.add('a');
    queue.addAfter('b', 10);
    queue.shutDown();
    queue.add('c');
    expect(clock.pending).toBe(0);
    expect(await queue.get()).toBe('a');
    expect(await queue.get()).toBeUndefined();
  });
});

describe('whatever happens', () => {
  type Step =
    | {kind: 'add' | 'done' | 'fail'; key: string}
    | {kind: 'after'; key: string; ms: number}
    | {kind: 'get'}
    | {kind: 'advance'; ms: number};

  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const ms = fc.integer({min: 0, max: 50});
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(
      fc.record({kind: fc.constantFrom('add', 'done', 'fail'), key}),
      fc.record({kind: fc.constant('after'), key, ms}),
      fc.record({kind: fc.constant('get')}),
      fc.record({kind: fc.constant('advance'), ms}),
    ),
    {maxLength: 60},
  );

  test('no key is under work twice, none is lost, none comes unasked', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (program) => {
        const {queue, clock} = aQueue({baseDelayMs: 5, maxDelayMs: 40});
        const working = new Set<string>();
        /** The model: keys added since they were last handed out, and when delayed ones are due. */
        const owed = new Set<string>();
        const due = new Map<string, number>();
        const failures = new Map<string, number>();
        const addLater = (each: string, afterMs: number): void => {
          if (afterMs <= 0) {
            owed.add(each);
          } else {
            due.set(each, Math.min(due.get(each) ?? Infinity, clock.monotonic() + afterMs));
          }
        };
        const fallDue = (): void => {
          for (const [each, at] of due) {
            if (at <= clock.monotonic()) {
              due.delete(each);
              owed.add(each);
            }
          }
        };
        const takeOne = async (): Promise<void> => {
          const got = await take(queue);
          expect(working.has(got)).toBe(false);
          expect(owed.delete(got)).toBe(true);
          working.add(got);
        };
        for (const step of program) {
          switch (step.kind) {
            case 'add':
              queue.add(step.key);
              owed.add(step.key);
              break;
            case 'after':
              queue.addAfter(step.key, step.ms);
              addLater(step.key, step.ms);
              break;
            case 'fail': {
              const before = failures.get(step.key) ?? 0;
              queue.addRateLimited(step.key);
              addLater(step.key, Math.min(5 * 2 ** before, 40));
              failures.set(step.key, before + 1);
              break;
            }
            case 'done':
              queue.done(step.key);
              working.delete(step.key);
              break;
            case 'advance':
              await clock.advance(step.ms);
              fallDue();
              break;
            case 'get':
              if (queue.length > 0) {
                await takeOne();
              }
              break;
          }
          // What waits is exactly what is owed and not under work.
          expect(queue.length).toBe([...owed].filter((each) => !working.has(each)).length);
        }
      }),
      {numRuns: 300},
    );
  });

  test('keys come in the order in which they began to wait', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({maxLength: 2})), async (keys) => {
        const {queue} = aQueue();
        keys.forEach((each) => queue.add(each));
        const got: (string | undefined)[] = [];
        while (queue.length > 0) {
          got.push(await queue.get());
        }
        expect(got).toEqual([...new Set(keys)]);
      }),
    );
  });

  test('a hot key does not starve others', async () => {
    const {queue} = aQueue();
    ['hot', 'a', 'b'].forEach((each) => queue.add(each));
    const order: string[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const got = await take(queue);
      order.push(got);
      queue.add('hot');
      queue.done(got);
    }
    expect(order.slice(0, 4)).toEqual(['hot', 'a', 'b', 'hot']);
  });
});

test('metrics bear client-go names and tell depth, adds, retries and times', async () => {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const queue = new WorkQueue({name: 'q', clock, metrics});
  queue.add('a');
  queue.add('a');
  queue.add('b');
  await take(queue);
  await clock.advance(2000);
  queue.addRateLimited('c');
  const text = await metrics.registry.metrics();
  expect(text).toContain('workqueue_depth{name="q",controller="q"} 1');
  expect(text).toContain('workqueue_adds_total{name="q",controller="q"} 2');
  expect(text).toContain('workqueue_retries_total{name="q",controller="q"} 1');
  expect(text).toContain('workqueue_unfinished_work_seconds{name="q",controller="q"} 2');
  expect(text).toContain('workqueue_longest_running_processor_seconds{name="q",controller="q"} 2');
  queue.done('a');
  const after = await metrics.registry.metrics();
  expect(after).toContain('workqueue_work_duration_seconds_sum{name="q",controller="q"} 2');
  expect(after).toContain('workqueue_queue_duration_seconds_count{name="q",controller="q"} 1');
  expect(after).toContain('workqueue_unfinished_work_seconds{name="q",controller="q"} 0');
});
