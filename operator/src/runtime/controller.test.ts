import {describe, expect, test} from '@jest/globals';
import {Controller, requeueOf, type ControllerOptions, type Reconcile} from './controller.ts';
import {ApiError} from './errors.ts';
import {Metrics} from './metrics.ts';
import {done, retry, terminal, wait, type Outcome} from './outcome.ts';
import {FakeClock, settle} from './testing/fake-clock.ts';
import {RecordingLogger} from './testing/logs.ts';
import {WorkQueue} from './work-queue.ts';

function aController(reconcile: Reconcile, options: Partial<ControllerOptions> = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const metrics = new Metrics();
  const queue = new WorkQueue({name: 'test', clock, metrics});
  const controller = new Controller({name: 'test', queue, workers: 2, reconcile, clock, logger, metrics, ...options});
  controller.start();
  return {clock, logger, metrics, queue, controller};
}

const busy = new ApiError('busy', {kind: 'TooManyRequests', status: 429, reason: '', retryAfterSeconds: 7});

describe('an outcome becomes a requeue in one place', () => {
  test.each<[string, Outcome, ReturnType<typeof requeueOf>]>([
    ['done', done, {kind: 'forget'}],
    ['wait', wait(5000, 'rollout'), {kind: 'after', afterMs: 5000}],
    ['retry', retry(new Error('x')), {kind: 'backoff', atLeastMs: 0}],
    ['retry after a time', retry(new Error('x'), 30), {kind: 'after', afterMs: 30}],
    ['retry when the server asked for time', retry(busy), {kind: 'backoff', atLeastMs: 7000}],
    ['terminal', terminal('InvalidSpec', 'no'), {kind: 'forget'}],
  ])('%s', (_name, outcome, expected) => {
    expect(requeueOf(outcome)).toEqual(expected);
  });
});

test('a failing key backs off and starts anew after a success', async () => {
  const outcomes: Outcome[] = [retry(new Error('1')), retry(new Error('2')), done, retry(new Error('3'))];
  const times: number[] = [];
  const {clock, queue, controller} = aController(async () => {
    times.push(clock.monotonic());
    return outcomes[times.length - 1] ?? done;
  });
  queue.add('a');
  await clock.advance(1000);
  expect(times).toEqual([0, 5, 15]);
  queue.add('a');
  await clock.advance(1000);
  expect(times.slice(3)).toEqual([1000, 1005]);
  await controller.stop();
});

test('a wait comes again without being added, and is no failure', async () => {
  let runs = 0;
  const {clock, queue, controller} = aController(async () => {
    runs++;
    return runs < 3 ? wait(10_000, 'baking') : done;
  });
  queue.add('a');
  await clock.advance(9_999);
  expect(runs).toBe(1);
  await clock.advance(10_001);
  expect(runs).toBe(3);
  await clock.advance(60_000);
  expect(runs).toBe(3);
  expect(queue.failures('a')).toBe(0);
  await controller.stop();
});

test('a terminal outcome is not tried again', async () => {
  let runs = 0;
  const {clock, queue, controller} = aController(async () => {
    runs++;
    return terminal('InvalidSpec', 'the field must be set');
  });
  queue.add('a');
  await clock.advance(10_000_000);
  expect(runs).toBe(1);
  await controller.stop();
});

test('an exception, sync or async, of one key stops no other and is retried', async () => {
  const seen: string[] = [];
  const {clock, logger, metrics, queue, controller} = aController((key) => {
    seen.push(key);
    if (key === 'sync') {
      throw new Error('thrown at once');
    }
    return key === 'async' ? Promise.reject(new Error('rejected')) : Promise.resolve(done);
  });
  ['sync', 'async', 'good'].forEach((key) => queue.add(key));
  await clock.advance(5);
  expect(seen).toEqual(['sync', 'async', 'good', 'sync', 'async']);
  expect(logger.messages('error')).toEqual(Array.from({length: 4}, () => 'Reconcile threw'));
  const text = await metrics.registry.metrics();
  expect(text).toContain('controller_runtime_reconcile_panics_total{controller="test"} 4');
  expect(text).toContain('controller_runtime_reconcile_total{controller="test",result="success"} 1');
  expect(text).toContain('controller_runtime_reconcile_total{controller="test",result="error"} 4');
  await controller.stop();
});

test('one key that hangs holds one worker, not the others', async () => {
  const hang = Promise.withResolvers<Outcome>();
  const finished: string[] = [];
  const {queue, controller} = aController(async (key) => {
    const outcome = key === 'hung' ? await hang.promise : done;
    finished.push(key);
    return outcome;
  });
  queue.add('hung');
  ['a', 'b', 'c'].forEach((key) => queue.add(key));
  await settle();
  expect(finished).toEqual(['a', 'b', 'c']);
  hang.resolve(done);
  await controller.stop();
});

test('a key is not reconciled on a cache older than its own last write', async () => {
  let fresh = false;
  let runs = 0;
  const {clock, queue, controller} = aController(
    async () => {
      runs++;
      return done;
    },
    {fresh: () => fresh},
  );
  queue.add('a');
  await clock.advance(5_000);
  expect(runs).toBe(0);
  fresh = true;
  // The watch event that made it fresh adds the key.
  queue.add('a');
  await settle();
  expect(runs).toBe(1);
  await controller.stop();
});

test('stopping waits for what is under way, tells it, and begins nothing new', async () => {
  const gate = Promise.withResolvers<Outcome>();
  const begun: string[] = [];
  let aborted = false;
  const {queue, controller} = aController(
    async (key, {signal}) => {
      begun.push(key);
      signal.addEventListener('abort', () => (aborted = true));
      return gate.promise;
    },
    {workers: 1},
  );
  queue.add('a');
  queue.add('b');
  await settle();
  let stopped = false;
  const stopping = controller.stop().then(() => (stopped = true));
  await settle();
  expect({aborted, stopped, begun}).toEqual({aborted: true, stopped: false, begun: ['a']});
  gate.resolve(done);
  await stopping;
  expect(begun).toEqual(['a']);
});

test('metrics bear the names of controller-runtime', async () => {
  const {clock, metrics, queue, controller} = aController(async (key) =>
    key === 'a' ? wait(1e9, 'long') : terminal('No', 'no'),
  );
  queue.add('a');
  queue.add('b');
  await clock.advance(0);
  const text = await metrics.registry.metrics();
  for (const line of [
    'controller_runtime_max_concurrent_reconciles{controller="test"} 2',
    'controller_runtime_active_workers{controller="test"} 0',
    'controller_runtime_reconcile_total{controller="test",result="requeue_after"} 1',
    'controller_runtime_terminal_reconcile_errors_total{controller="test"} 1',
    'controller_runtime_reconcile_errors_total{controller="test"} 1',
    'controller_runtime_reconcile_time_seconds_count{controller="test"} 2',
  ]) {
    expect(text).toContain(line);
  }
  await controller.stop();
});
