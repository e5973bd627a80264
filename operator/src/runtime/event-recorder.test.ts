import {describe, expect, test} from '@jest/globals';
import type {KubeClient} from './client.ts';
import {ApiError, type ApiErrorKind} from './errors.ts';
import {EventRecorder, cutNote, type EventInput} from './event-recorder.ts';
import {Metrics} from './metrics.ts';
import {FakeClock, settle} from './testing/fake-clock.ts';
import {RecordingLogger} from './testing/logs.ts';

interface Sent {
  verb: 'create' | 'patch';
  name: string;
  body: Record<string, unknown>;
}

function aRecorder() {
  const clock = new FakeClock(Date.parse('2026-01-02T03:04:05.678Z'));
  const metrics = new Metrics();
  const sent: Sent[] = [];
  const failures: ApiErrorKind[] = [];
  let gate: Promise<unknown> = Promise.resolve();
  /** Keeps answers back until released. */
  const hold = (): (() => void) => {
    const {promise, resolve} = Promise.withResolvers<undefined>();
    gate = promise;
    return () => {
      resolve(undefined);
    };
  };
  const take = (): void => {
    const kind = failures.shift();
    if (kind !== undefined) {
      throw new ApiError(kind, {kind, status: 0, reason: kind});
    }
  };
  const client: Pick<KubeClient, 'create' | 'patch'> = {
    async create<T>(_ref: unknown, _namespace: unknown, body: object) {
      take();
      const {metadata} = body as {metadata: {name: string}};
      sent.push({verb: 'create', name: metadata.name, body: body as Record<string, unknown>});
      await gate;
      return {} as T;
    },
    async patch<T>(_ref: unknown, _namespace: unknown, name: string, body: unknown) {
      take();
      sent.push({verb: 'patch', name, body: body as Record<string, unknown>});
      return {} as T;
    },
  };
  const logger = new RecordingLogger();
  const recorder = new EventRecorder({
    client,
    clock,
    logger,
    metrics,
    reportingController: 'example.io/operator',
    reportingInstance: 'pod-1',
  });
  return {recorder, clock, sent, failures, hold, logger, metrics};
}

function anEvent(extra: Partial<EventInput> = {}): EventInput {
  return {
    regarding: {apiVersion: 'v1', kind: 'Thing', namespace: 'n', name: 'x', uid: 'u1'},
    type: 'Warning',
    reason: 'RolledBack',
    action: 'Rollback',
    note: 'because',
    ...extra,
  };
}

test('an event is written with all that the API asks for', async () => {
  const {recorder, sent} = aRecorder();
  recorder.record(anEvent({related: {apiVersion: 'v1', kind: 'Pod', name: 'p'}}));
  await settle();
  expect(sent).toHaveLength(1);
  expect(sent[0]?.body).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: {namespace: 'n'},
    eventTime: '2026-01-02T03:04:05.678000Z',
    reportingController: 'example.io/operator',
    reportingInstance: 'pod-1',
    regarding: {kind: 'Thing', uid: 'u1'},
    related: {kind: 'Pod', name: 'p'},
    type: 'Warning',
    reason: 'RolledBack',
    action: 'Rollback',
    note: 'because',
  });
  expect(sent[0]?.body).not.toHaveProperty('series');
});

describe('equal events', () => {
  test('are not counted any further when their object is gone', async () => {
    const {recorder, clock, sent} = aRecorder();
    const other = anEvent({regarding: {...anEvent().regarding, name: 'y'}});
    for (let i = 0; i < 3; i++) {
      recorder.record(anEvent());
      recorder.record(other);
      await settle();
    }
    sent.length = 0;
    recorder.forget({namespace: 'n', name: 'x'});
    await clock.advance(3_600_000);
    await settle();
    expect(sent.map(({name}) => name.split('.')[0])).toEqual(['y']);
    await recorder.stop();
    expect(sent).toHaveLength(1);
  });

  test('are counted in the first: the second is written at once, further ones every 5 minutes', async () => {
    const {recorder, clock, sent} = aRecorder();
    for (let count = 0; count < 10; count++) {
      recorder.record(anEvent());
      await clock.advance(10_000);
    }
    expect(sent.map(({verb}) => verb)).toEqual(['create', 'patch']);
    expect(sent[1]?.body).toEqual({series: {count: 2, lastObservedTime: '2026-01-02T03:04:15.678000Z'}});
    await clock.advance(300_000);
    expect(sent.slice(2).map(({body}) => body)).toEqual([
      {series: {count: 10, lastObservedTime: '2026-01-02T03:05:35.678000Z'}},
    ]);
    await clock.advance(3_600_000);
    expect(sent).toHaveLength(3);
  });

  test('of one moment are one request', async () => {
    const {recorder, sent} = aRecorder();
    recorder.record(anEvent());
    recorder.record(anEvent());
    await settle();
    expect(sent.map(({verb, body}) => [verb, body.series])).toEqual([['create', expect.objectContaining({count: 2})]]);
  });

  test('recorded while the first is on its way are not forgotten', async () => {
    const {recorder, sent, hold} = aRecorder();
    const release = hold();
    recorder.record(anEvent());
    await settle();
    recorder.record(anEvent());
    release();
    await settle();
    expect(sent.map(({verb, body}) => [verb, body.series])).toEqual([
      ['create', undefined],
      ['patch', expect.objectContaining({count: 2})],
    ]);
  });

  test('further apart than 6 minutes are another event, as is one with another note or object', async () => {
    const {recorder, clock, sent} = aRecorder();
    recorder.record(anEvent());
    await clock.advance(360_000);
    recorder.record(anEvent());
    recorder.record(anEvent({note: 'otherwise'}));
    recorder.record(anEvent({regarding: {...anEvent().regarding, uid: 'u2'}}));
    await settle();
    expect(sent.map(({verb}) => verb)).toEqual(['create', 'create', 'create', 'create']);
    expect(new Set(sent.map(({name}) => name)).size).toBe(4);
  });

  test('an event that the server let go of is made anew', async () => {
    const {recorder, sent, failures} = aRecorder();
    recorder.record(anEvent());
    await settle();
    failures.push('NotFound');
    recorder.record(anEvent());
    await settle();
    expect(sent.map(({verb}) => verb)).toEqual(['create', 'create']);
  });
});

describe('what fails', () => {
  test('is tried three times when it may pass, and never reaches the caller', async () => {
    const {recorder, clock, sent, failures, metrics, logger} = aRecorder();
    failures.push('Unavailable', 'Timeout');
    recorder.record(anEvent());
    await clock.advance(3_000);
    expect(sent).toHaveLength(1);
    failures.push('Network', 'Network', 'Network');
    recorder.record(anEvent({note: 'second'}));
    await clock.advance(10_000);
    expect(sent).toHaveLength(1);
    expect(logger.messages('warn')).toEqual(['Event not written']);
    const text = await metrics.registry.metrics();
    expect(text).toContain('event_recorder_events_total{result="sent"} 1');
    expect(text).toContain('event_recorder_events_total{result="failed"} 1');
  });

  test('is dropped at once when it will not pass, and holds up no other', async () => {
    const {recorder, sent, failures} = aRecorder();
    failures.push('Forbidden');
    recorder.record(anEvent());
    recorder.record(anEvent({note: 'second'}));
    await settle();
    expect(sent.map(({body}) => body.note)).toEqual(['second']);
  });

  test('a create whose answer was lost is not made twice', async () => {
    const {recorder, clock, sent, failures} = aRecorder();
    failures.push('Timeout', 'AlreadyExists');
    recorder.record(anEvent());
    await clock.advance(5_000);
    expect(sent).toEqual([]);
    recorder.record(anEvent());
    await settle();
    expect(sent.map(({verb}) => verb)).toEqual(['patch']);
  });
});

test('one object that flaps writes 25 different events, then one each five minutes; others are not affected', async () => {
  const {recorder, clock, sent, metrics} = aRecorder();
  for (let index = 0; index < 40; index++) {
    recorder.record(anEvent({note: `note ${index}`}));
  }
  recorder.record(anEvent({regarding: {...anEvent().regarding, uid: 'u2'}}));
  await settle();
  expect(sent).toHaveLength(26);
  expect(await metrics.registry.metrics()).toContain('event_recorder_events_total{result="spam"} 15');
  await clock.advance(300_000);
  recorder.record(anEvent({note: 'later'}));
  recorder.record(anEvent({note: 'too many'}));
  await settle();
  expect(sent).toHaveLength(27);
});

describe('stopping', () => {
  test('writes the counts that wait', async () => {
    const {recorder, clock, sent} = aRecorder();
    for (let count = 0; count < 3; count++) {
      recorder.record(anEvent());
      await clock.advance(1_000);
    }
    expect(sent).toHaveLength(2);
    await recorder.stop();
    expect(sent[2]?.body).toMatchObject({series: {count: 3}});
    expect(clock.pending).toBe(0);
    recorder.record(anEvent({note: 'after'}));
    await settle();
    expect(sent).toHaveLength(3);
  });

  test('gives up after 3 s', async () => {
    const {recorder, clock, failures} = aRecorder();
    failures.push(...Array.from({length: 20}, () => 'Network' as const));
    for (let index = 0; index < 5; index++) {
      recorder.record(anEvent({note: `note ${index}`}));
    }
    let stopped = false;
    const stopping = recorder.stop().then(() => (stopped = true));
    await clock.advance(2_999);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stopping;
    expect(stopped).toBe(true);
  });
});

test('a note is cut to 1 kB of whole characters', () => {
  expect(cutNote('short')).toBe('short');
  expect(cutNote('x'.repeat(1024))).toHaveLength(1024);
  for (const long of ['x'.repeat(1025), 'é'.repeat(600), '😀'.repeat(300), `x${'😀'.repeat(300)}`]) {
    const cut = cutNote(long);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(cut)).toBeGreaterThan(1015);
    expect(cut.endsWith('…')).toBe(true);
    expect(cut).not.toContain('\uFFFD');
    expect(long.startsWith(cut.slice(0, -1))).toBe(true);
  }
});
