import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {maintenanceApiStatus, type Verdict} from '../api/v1alpha1/index.ts';
import {decide, type Observation} from './index.ts';
import {
  anAction,
  anObservation,
  counted,
  DAY,
  HOUR,
  migration,
  MINUTE,
  NOW,
  pods,
  type ObservationBuilder,
} from './testing.ts';
import {iso} from './text.ts';

const time = fc.integer({min: NOW - 40 * DAY, max: NOW});
const responses = fc
  .record({
    valid: fc.integer({min: 0, max: 5_000}),
    bad: fc.double({min: 0, max: 1}),
    slow: fc.double({min: 0, max: 1}),
  })
  .map(({valid, bad, slow}) => ({valid, bad: Math.floor(valid * bad), slow: Math.floor(valid * slow)}));
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, {nil: undefined});
type Defined<T> = {[K in keyof T]: Exclude<T[K], undefined>};
const defined = <T extends object>(value: T): Partial<Defined<T>> =>
  JSON.parse(JSON.stringify(value)) as Partial<Defined<T>>;
/** Mostly one value, so that not every case is impossible. */
const mostly = <T>(value: T, else_: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({weight: 8, arbitrary: fc.constant(value)}, {weight: 1, arbitrary: else_});

const scene: fc.Arbitrary<ObservationBuilder> = fc
  .constantFrom(
    () => anObservation(),
    () => anObservation().new(),
    () => anObservation().releasing('b'),
    () => anObservation().rollingOut('b'),
    () => anObservation().rollingOut('b').crashing('b'),
    () => anObservation().baking('b'),
    () => anObservation().baking('b', 2 * DAY),
  )
  .map((make) => make());

const action = fc
  .record({
    state: fc.constantFrom('Recorded', 'Applied', 'Verifying', 'Ended'),
    targetUid: fc.constantFrom('deployment-uid', 'another'),
    rolledOutAt: time.map(iso),
  })
  .map((change) => anAction(change));

/** Observations of every kind, possible and impossible ones. */
const observation: fc.Arbitrary<Observation> = fc
  .tuple(
    scene,
    fc.record({young: responses, old: maybe(responses), service: maybe(responses), bake: responses}),
    fc.record({
      reachable: mostly<boolean | undefined>(true, maybe(fc.boolean())),
      lastOutage: mostly(undefined, maybe(time.map((from) => ({from, to: from + MINUTE})))),
      poolWaits: maybe(fc.nat(3)),
      slowQueries: maybe(fc.nat(3)),
      migrations: maybe(
        fc.array(
          fc
            .record({version: fc.nat(6), previousCanRead: fc.boolean()})
            .map((m) => migration(m.version, m.previousCanRead)),
        ),
      ),
    }),
    fc.record({
      goodAt: mostly(undefined, maybe(time)),
      suspendedAt: mostly(undefined, maybe(time)),
      rejectedAt: mostly(undefined, maybe(time)),
      breachedAt: mostly(undefined, maybe(time)),
      schemaVersion: maybe(fc.nat(6)),
    }),
    fc.record({
      desired: mostly<string | undefined>('b', fc.constantFrom('a', 'b', 'c', undefined)),
      retry: mostly<string | undefined>(undefined, fc.constantFrom('a', 'b', 'zzz')),
      action: mostly(undefined, maybe(action)),
      recent: mostly([], fc.array(action, {maxLength: 20})),
      verdict: fc.constantFrom<Verdict | 'None'>('None', 'DatabaseDown', 'Unknown', 'BadRevision'),
      failedReads: mostly(0, fc.nat(4)),
      load: fc.record({current: fc.nat(500), beforeRollout: fc.nat(500)}),
    }),
  )
  .map(([builder, measured, database, facts, rest]) => {
    builder.answering('b', measured.young, measured.old).knowing('b', defined(facts)).withDatabase(defined(database));
    builder.with({
      bakeRequests: {b: counted(measured.bake, NOW - HOUR)},
      load: rest.load,
      retry: rest.retry,
      desired: rest.desired,
    });
    builder.with({serviceWindow: measured.service && counted(measured.service, NOW - 5 * MINUTE)});
    builder.withPods('b', {failedReads: rest.failedReads}).explained(rest.verdict, NOW - HOUR);
    builder.remediation(
      defined({action: rest.action, recentActions: rest.recent.map((one, i) => ({...one, id: `r${i}`}))}),
    );
    return builder.build();
  });

describe('deciding', () => {
  test('is pure: the same observation gives the same decision, and is left as it was (invariant 2)', () => {
    fc.assert(
      fc.property(observation, (o) => {
        const before = structuredClone(o);
        const first = decide(o);
        expect(decide(structuredClone(o))).toEqual(first);
        expect(o).toEqual(before);
      }),
      {numRuns: 500},
    );
  });

  test('gives what status takes', () => {
    fc.assert(
      fc.property(observation, (o) => {
        const {explanation, action: record, recentActions, breaker} = decide(o);
        const {error} = maintenanceApiStatus.safeParse({
          remediation: {
            mode: 'Auto',
            ...{action: record, lastDecision: explanation, recentActions: [...recentActions]},
            breaker: {state: breaker.state},
          },
        });
        expect(error).toBeUndefined();
      }),
      {numRuns: 300},
    );
  });

  test('begins a rollback only from a young revision to a good one that nothing speaks against (invariants 5, 7, 8)', () => {
    let begun = 0;
    fc.assert(
      fc.property(observation, (o) => {
        const {action: record, serve} = decide(o);
        if (record?.id !== o.freshId) return;
        begun++;
        const target = o.revisions.find(({hash}) => hash === record.toRevision);
        const from = o.revisions.find(({hash}) => hash === record.fromRevision);
        const lifted = o.retry === target?.hash;
        expect(serve).toBe(target?.hash);
        expect(from?.goodAt).toBeUndefined();
        expect(target?.goodAt).toBeGreaterThanOrEqual(NOW - 30 * DAY);
        if (!lifted) expect([target?.suspendedAt, target?.rejectedAt]).toEqual([undefined, undefined]);
        expect(o.database.reachable).not.toBe(false);
        expect(
          o.database.migrations?.filter(
            ({version, previousCanRead}) => version > (target?.schemaVersion ?? 0) && !previousCanRead,
          ),
        ).toEqual([]);
        expect(o.pods.filter(({failedReads = 0}) => failedReads >= 3).length * 2).toBeLessThanOrEqual(
          pods('a', 4).length,
        );
      }),
      {numRuns: 3_000},
    );
    expect(begun).toBeGreaterThan(10);
  });
});
