import {describe, expect, test} from '@jest/globals';
import {decide, sharedBreach} from './index.ts';
import {anObservation, HOUR, MINUTE, NOW, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';
import type {BackupFacts, Observation} from './types.ts';

const JOB = 'tasks-backup-29400000';
const RUNNING: BackupFacts = {job: JOB, startedAt: NOW - 2 * MINUTE};
const ended = (ago: number): BackupFacts => ({...RUNNING, startedAt: NOW - HOUR, endedAt: NOW - ago});

/** A good service whose responses are slow while a backup is made. */
const slow = (...backups: BackupFacts[]): ObservationBuilder =>
  anObservation().serving({valid: 15_000, slow: 6_000}).with({backups});
const actionsOf = (observation: ObservationBuilder): unknown =>
  decide(observation.build()).explanation.considered.map(({action, taken}) => [action, taken]);

/** What is decided next, so much later, when this is so. */
function later(observation: ObservationBuilder, change: Partial<Observation>): Observation {
  const before = observation.build();
  const {explanation} = decide(before);
  const status = {...before.status, remediation: {mode: 'Auto' as const, lastDecision: explanation}};
  return {...before, ...change, status};
}

const WAITS = [
  ['Rollback', false],
  ['Restart', false],
  ['ScaleUp', false],
  ['Hold', true],
];

describe('a service that becomes slow while a backup is made', () => {
  test('is waited for: nothing is rolled back, restarted or scaled, and the Job is named', () => {
    const decision = decide(slow(RUNNING).build());
    expect(decision).toMatchObject({verdict: 'BackupInterference', action: undefined, serve: 'a', heldBy: undefined});
    expect(actionsOf(slow(RUNNING))).toEqual(WAITS);
    expect(decision.explanation.message).toContain(
      `since ${iso(NOW)}: while Job "${JOB}" makes a backup, which goes on.`,
    );
    expect(decision.explanation.signals[0]).toMatchObject({value: JOB, time: iso(NOW)});
  });

  test('is not scaled up though its load has grown and its pods use the CPU that the autoscaler aims at', () => {
    const loaded = slow(RUNNING)
      .with({load: {current: 100, baseline: 50}})
      .withPods('a', {cpuShare: 0.9});
    expect(decide(loaded.build()).verdict).toBe('BackupInterference');
    expect(decide(loaded.with({backups: []}).build())).toMatchObject({verdict: 'Overload'});
  });

  test('is not restarted though a pod of it hangs', () => {
    const hanging = slow(RUNNING).hanging('a', MINUTE).withDatabase({askedAt: NOW});
    expect(decide(hanging.build())).toMatchObject({verdict: 'BackupInterference', action: undefined});
    expect(decide(hanging.with({backups: []}).build())).toMatchObject({action: {kind: 'Restart'}});
  });

  test('also fails requests that wait for the database', () => {
    const failing = anObservation()
      .serving({valid: 15_000, bad: 3_000})
      .with({backups: [RUNNING]});
    expect(decide(failing.build()).verdict).toBe('Unknown');
    expect(decide(failing.withDatabase({poolWaits: 4}).build()).verdict).toBe('BackupInterference');
  });

  test('is waited for however long the backup takes, and as long as what was measured is of its time', () => {
    const begun = NOW - 3 * HOUR;
    const first = slow({job: JOB, startedAt: begun});
    const long = later(first, {now: NOW + HOUR, serviceWindow: {...window(NOW + HOUR)}});
    expect(decide(long)).toMatchObject({verdict: 'BackupInterference', explanation: {time: iso(NOW)}});
    const over = later(first, {backups: [{job: JOB, startedAt: begun, endedAt: NOW + SECOND}]});
    expect(decide(over).explanation.considered.at(-1)).toMatchObject({action: 'Hold'});
  });

  test('calls a person when that outlives the backup, who is told which', () => {
    const now = NOW + 10 * MINUTE;
    const backups = [{...RUNNING, endedAt: NOW + MINUTE}];
    const decision = decide(later(slow(RUNNING), {now, serviceWindow: window(now), backups}));
    expect(decision).toMatchObject({verdict: 'BackupInterference', action: undefined});
    expect(decision.explanation.considered.at(-1)).toMatchObject({action: 'Escalate', taken: true});
    expect(decision.explanation.message).toContain(
      `It began at ${iso(NOW)} while Job "${JOB}" made a backup, and goes on though that has ended`,
    );
    // Its Job may be gone by then.
    expect(decide(later(slow(RUNNING), {now, serviceWindow: window(now), backups: []})).verdict).toBe(
      'BackupInterference',
    );
  });

  test('is over with the breach', () => {
    const well = later(slow(RUNNING), {serviceWindow: {...window(NOW), slow: 0}});
    expect(decide(well).verdict).toBe('None');
  });

  test('is nobody else’s breach', () => {
    expect(sharedBreach(decide(slow(RUNNING).build()))).toBe(false);
  });
});

describe('another cause is', () => {
  test.each<[string, ObservationBuilder]>([
    ['what began before the backup', slow(RUNNING).explained('Unknown', NOW - 5 * MINUTE)],
    [
      'what was breached before it',
      slow(RUNNING).with({fleet: {size: 1, breachedSince: NOW - 5 * MINUTE, others: []}}),
    ],
    ['what began when the backup was over', slow(ended(6 * MINUTE))],
    [
      'what fails without being slow',
      anObservation()
        .serving({valid: 15_000, bad: 3_000})
        .with({backups: [RUNNING]}),
    ],
    ['no backup', slow()],
  ])('%s', (_, observation) => {
    expect(decide(observation.build()).verdict).toBe('Unknown');
  });

  test('a database that is at its limits or does not answer', () => {
    const saturated = slow(RUNNING).withDatabase({connectionErrorsMax: 4, slowQueries: 9});
    expect(decide(saturated.build()).verdict).toBe('DatabaseSaturated');
    const down = slow(RUNNING).withDatabase({reachable: false, unreachableSince: NOW - MINUTE});
    expect(decide(down.build()).verdict).toBe('DatabaseDown');
  });

  test('a release that is slow beside old pods that are not: it is rolled back while the backup goes on', () => {
    const release = anObservation()
      .rollingOut('b')
      .answering('b', {valid: 250, slow: 200}, {valid: 500, slow: 2})
      .with({backups: [RUNNING]});
    expect(decide(release.build())).toMatchObject({verdict: 'BadRevision', action: {kind: 'Rollback'}});
  });

  test('a release that fails requests: it is rolled back while the backup goes on', () => {
    const release = anObservation()
      .baking('b')
      .answering('b', {valid: 750, bad: 150})
      .with({backups: [RUNNING]});
    expect(decide(release.build())).toMatchObject({verdict: 'BadRevision', action: {kind: 'Rollback'}});
  });
});

describe('a young release that becomes slow during a backup, with no old pod to compare with', () => {
  const baking = (...backups: BackupFacts[]): ObservationBuilder =>
    anObservation().baking('b').answering('b', {valid: 750, slow: 600}).with({backups});

  test('is not blamed, does not become good, and bakes anew when it is over', () => {
    const decision = decide(baking(RUNNING).build());
    expect(decision).toMatchObject({verdict: 'BackupInterference', action: undefined, revisionPatches: [], serve: 'b'});
    const well = later(baking(RUNNING), {...anObservation().baking('b').build(), backups: [RUNNING]});
    expect(decide({...well, now: NOW + MINUTE}).rolledOutAt).toBe(NOW + MINUTE);
  });

  test('is rolled back when that outlives the backup', () => {
    const observation = later(baking(RUNNING), {backups: [{...RUNNING, endedAt: NOW - MINUTE}]});
    expect(decide(observation)).toMatchObject({verdict: 'BadRevision', action: {kind: 'Rollback'}});
  });
});

/** Five minutes of slow responses until then. */
function window(to: number): NonNullable<Observation['serviceWindow']> {
  return {from: to - 5 * MINUTE, to, valid: 15_000, bad: 0, slow: 6_000, total: 15_000};
}
