import {describe, expect, test} from '@jest/globals';
import {revisionAnnotations} from '../api/v1alpha1/index.ts';
import {decide} from './index.ts';
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
  SECOND,
  type ObservationBuilder,
} from './testing.ts';
import {iso} from './text.ts';

const {good, evidence, schemaVersion, imageId, suspended, rejected, breached} = revisionAnnotations;

const patches = (observation: ObservationBuilder) => decide(observation.build()).revisionPatches;
const baked = (length = 10 * MINUTE): ObservationBuilder => anObservation().baking('b', length);
const requests = (valid: number, bad = 0) => ({bakeRequests: {b: counted({valid, bad}, NOW - 10 * MINUTE)}});

describe('which revision serves', () => {
  test.each([
    ['what the spec asks for', anObservation().releasing('b'), 'b'],
    ['what serves, while a Secret that the spec names is missing', anObservation().with({desired: undefined}), 'a'],
    ['what is deployed, while it is missing and status is lost', anObservation().new().with({desired: undefined}), 'a'],
    [
      'the last known good instead of a suspended one',
      anObservation().releasing('b').knowing('b', {suspendedAt: NOW}),
      'a',
    ],
    [
      'the last known good instead of a rejected one',
      anObservation().releasing('b').knowing('b', {suspendedAt: NOW, rejectedAt: NOW}),
      'a',
    ],
    [
      'the rejected one again after its retry',
      anObservation().releasing('b').knowing('b', {suspendedAt: NOW, rejectedAt: NOW}).with({retry: 'b'}),
      'b',
    ],
    [
      'not the rejected one after the retry of another',
      anObservation().releasing('b').knowing('b', {rejectedAt: NOW}).with({retry: 'c'}),
      'a',
    ],
    [
      'what serves, where the last known good is suspended itself',
      anObservation().baking('b').knowing('b', {suspendedAt: NOW}).knowing('a', {suspendedAt: NOW}),
      'b',
    ],
    [
      'the newest of the good ones',
      anObservation()
        .havingHad('x', {goodAt: NOW - 5 * HOUR})
        .releasing('b')
        .knowing('b', {rejectedAt: NOW}),
      'a',
    ],
  ])('is %s', (_, observation, serve) => {
    expect(decide(observation.build()).serve).toBe(serve);
  });
});

describe('a rollout', () => {
  test('is complete once, however the autoscaler adds pods later', () => {
    const recorded = NOW - 5 * HOUR;
    const scaled = anObservation().withDeployment({rolloutComplete: false, wantedReplicas: 9});
    expect(decide(scaled.build())).toMatchObject({rolledOutAt: recorded, release: {kind: 'Settled'}});
  });

  test.each([
    ['when every wanted pod is available', anObservation().baking('b').standing({rolledOutAt: undefined}), NOW],
    ['not before', anObservation().rollingOut('b'), undefined],
    ['not by the rollout of what served before', anObservation().releasing('b'), undefined],
    ['anew when another revision served meanwhile', anObservation().standing({serving: 'b'}), NOW],
  ])('is complete %s', (_, observation, rolledOutAt) => {
    expect(decide(observation.build()).rolledOutAt).toBe(rolledOutAt);
  });

  test('that is not deployed yet waits', () => {
    expect(decide(anObservation().new().with({deployment: undefined}).build()).release.kind).toBe('Waiting');
  });

  test('says how far it is', () => {
    expect(decide(anObservation().rollingOut('b').build()).release).toEqual({
      kind: 'Progressing',
      message: '1 of 3 pods of revision b are Ready',
    });
  });
});

describe('a bake', () => {
  test('makes a revision good by its own traffic inside objectives, with what a rollback to it must know', () => {
    const migrations = [migration(3), migration(4)];
    expect(patches(baked().with(requests(200)).withDatabase({migrations}))).toEqual([
      {
        hash: 'b',
        annotations: {[good]: iso(NOW), [evidence]: 'traffic', [schemaVersion]: '4', [imageId]: 'sha256:b'},
      },
    ]);
  });

  test('records the image by the name under which the spec can fetch it, where nodes know it by several', () => {
    const ids = ['mirror.example.com/api@sha256:1', 'example/api@sha256:1', 'mirror.example.com/api@sha256:1'];
    const named = pods('b', 3).map((pod, i) => ({...pod, imageId: ids[i] ?? ''}));
    const [patch] = patches(
      baked()
        .with({...requests(200), pods: named})
        .knowing('b', {image: 'example/api:2'}),
    );
    expect(patch?.annotations[imageId]).toBe('example/api@sha256:1');
  });

  test('keeps silent about what it does not know', () => {
    const twoImages = pods('b', 3).map((pod, i) => ({...pod, imageId: `sha256:${i}`}));
    const [patch] = patches(baked().with({...requests(200), pods: twoImages, database: {reachable: true}}));
    expect(Object.keys(patch?.annotations ?? {})).toEqual([good, evidence]);
  });

  test('of a service without migrations records 0', () => {
    const [patch] = patches(baked().with(requests(200)).withDatabase({migrations: []}));
    expect(patch?.annotations[schemaVersion]).toBe('0');
  });

  const day = (length: number, valid: number): ObservationBuilder => baked(length).with(requests(valid));
  test.each([
    ['too early', day(10 * MINUTE - SECOND, 200), false],
    ['with too few requests', day(10 * MINUTE, 199), false],
    ['with too few requests after a day, by probes', day(DAY, 199), 'probes'],
    ['with too few requests just before', day(DAY - SECOND, 199), false],
    ['with enough requests after a day, by traffic', day(DAY, 200), 'traffic'],
    ['after a longer bake that was asked for', day(DAY, 200).asking({release: {bakeSeconds: 86_400}}), 'traffic'],
    ['when it breached an act window before', day(DAY, 500).knowing('b', {breachedAt: NOW - HOUR}), false],
    ['when it was suspended before', day(DAY, 500).knowing('b', {suspendedAt: NOW - HOUR}), false],
    ['while an act window is breached', day(HOUR, 500).answering('b', {valid: 250, bad: 50}), false],
    ['while its pods can not be read', day(HOUR, 500).withPods('b', {failedReads: 3}), false],
    ['while the database is down', day(HOUR, 500).withDatabase({reachable: false}), false],
    ['while a pod is missing', day(HOUR, 500).withDeployment({rolloutComplete: false}), false],
    [
      'when its responses miss an objective, though no act window is breached',
      day(HOUR, 20_000).with(requests(20_000, 60)),
      false,
    ],
    ['when its responses are just inside', day(HOUR, 20_000).with(requests(20_000, 20)), 'traffic'],
  ])('that ends %s', (_, observation, by) => {
    const judged = patches(observation).find(({hash}) => hash === 'b')?.annotations[evidence] ?? false;
    expect(judged).toBe(by);
  });

  test('is not repeated for what is good, nor done for what is rolled back to', () => {
    expect(patches(anObservation())).toEqual([]);
    const target = anObservation()
      .releasing('b')
      .knowing('b', {rejectedAt: NOW, suspendedAt: NOW})
      .notKnowing('a', 'goodAt');
    expect(patches(target.standing({serving: 'a'}))).toEqual([]);
  });

  test('begins anew when a breach ended that was the database’s', () => {
    const after = baked()
      .with(requests(500))
      .explained('DatabaseDown', NOW - 5 * MINUTE);
    const decision = decide(after.standing({desired: 'b'}).build());
    expect(decision).toMatchObject({
      rolledOutAt: NOW,
      revisionPatches: [],
      release: {kind: 'Baking', until: NOW + 10 * MINUTE},
    });
  });

  test('tells until when, without a figure that moves', () => {
    const release = (observation: ObservationBuilder) => decide(observation.build()).release;
    const until = NOW + 8 * MINUTE;
    expect(release(baked(2 * MINUTE).with(requests(10)))).toEqual({
      kind: 'Baking',
      message: `Revision b bakes until ${iso(until)}`,
      until,
    });
    expect(release(baked().with(requests(10)))).toMatchObject({
      until: NOW - 10 * MINUTE + DAY,
      message: expect.stringContaining('bakes until 200 requests came'),
    });
    expect(release(baked().with(requests(20_000, 60)))).toMatchObject({
      message: expect.stringContaining('it misses availability'),
    });
  });
});

describe('a breach of a young revision', () => {
  const bad = (): ObservationBuilder => baked().answering('b', {valid: 250, bad: 50}, {valid: 500});

  test('is written on it, by which it never becomes good by itself', () => {
    const release = bad().notKnowing('a', 'goodAt');
    expect(patches(release)).toEqual([{hash: 'b', annotations: {[breached]: iso(NOW)}}]);
    const later = baked()
      .with(requests(500))
      .knowing('b', {breachedAt: NOW - HOUR});
    expect(decide(later.build()).release).toMatchObject({
      kind: 'Escalated',
      message: expect.stringContaining('retry: b'),
    });
  });

  test('is not written before the database was asked after those responses: it may be what fails', () => {
    const late = (askedAt: number): ObservationBuilder =>
      bad().notKnowing('a', 'goodAt').withDatabase({reachable: true, askedAt});
    expect(patches(late(NOW - 14 * SECOND))).toEqual([]);
    expect(patches(late(NOW))).toEqual([{hash: 'b', annotations: {[breached]: iso(NOW)}}]);
  });

  test('is not written for a moment in which no pod is Ready, but when that lasts', () => {
    const down = baked().withDeployment({readyReplicas: 0}).withPods('b', {ready: false});
    const {verdict, explanation} = decide(down.build());
    expect(verdict).toBe('Unknown');
    expect(patches(down)).toEqual([]);
    const lastDecision = {...explanation, time: iso(NOW - 31 * SECOND)};
    expect(patches(down.remediation({lastDecision}))).toEqual([{hash: 'b', annotations: {[breached]: iso(NOW)}}]);
  });

  test('is not written where it is not its own', () => {
    expect(patches(bad().withDatabase({reachable: false}))).toEqual([]);
    expect(patches(anObservation().serving({valid: 15_000, bad: 3_000}))).toEqual([]);
    expect(patches(anObservation().rollingOut('b').answering('a', {valid: 500, bad: 100}))).toEqual([]);
  });
});

describe('a retry', () => {
  test('lifts suspension, rejection and breach', () => {
    const held = anObservation().releasing('b').knowing('b', {suspendedAt: NOW, rejectedAt: NOW, breachedAt: NOW});
    expect(patches(held.with({retry: 'b'}))).toEqual([
      {hash: 'b', annotations: {[suspended]: null, [rejected]: null, [breached]: null}},
    ]);
  });

  test('bakes what serves anew', () => {
    const decision = decide(
      baked()
        .knowing('b', {breachedAt: NOW - HOUR})
        .with({...requests(500), retry: 'b'})
        .build(),
    );
    expect(decision).toMatchObject({rolledOutAt: NOW, release: {kind: 'Baking'}});
  });

  test('of nothing that is held, or known, changes nothing', () => {
    expect(patches(anObservation().with({retry: 'a'}))).toEqual([]);
    expect(patches(anObservation().with({retry: 'unknown'}))).toEqual([]);
  });

  test('is not undone by the rollback before it', () => {
    const helped = anAction({state: 'Ended', outcome: 'Helped', endedAt: iso(NOW - HOUR)});
    const retried = anObservation()
      .rollingOut('b')
      .remediation({recentActions: [helped]});
    expect(decide(retried.build())).toMatchObject({serve: 'b', revisionPatches: []});
  });

  test('is not judged by what was measured before', () => {
    const interrupted = anAction({state: 'Ended', outcome: 'Interrupted', endedAt: iso(NOW - 10 * SECOND)});
    const before = anObservation().rollingOut('b').answering('b', {valid: 250, bad: 50}, {valid: 500});
    expect(decide(before.remediation({recentActions: [interrupted]}).build()).verdict).toBe('None');
  });
});

describe('a release that the spec can not say', () => {
  test('is blocked by the missing reference, and nothing is pruned', () => {
    let observation = anObservation()
      .asking({release: {historyLimit: 2}})
      .with({desired: undefined});
    for (let i = 1; i <= 5; i++) observation = observation.havingHad(`h${i}`);
    const decision = decide(observation.build());
    expect(decision).toMatchObject({release: {kind: 'Blocked', reason: 'ReferenceMissing'}, prune: [], serve: 'a'});
  });
});

describe('history', () => {
  test('keeps historyLimit revisions beside those in use, and prunes the oldest', () => {
    let observation = anObservation()
      .rollingOut('b')
      .asking({release: {historyLimit: 2}});
    for (let i = 1; i <= 5; i++) observation = observation.havingHad(`h${i}`, {createdAt: NOW - i * DAY});
    expect(decide(observation.build()).prune).toEqual(['h5', 'h4', 'h3']);
  });

  test.each([
    ['the desired one', anObservation().releasing('x')],
    ['the serving one', anObservation().havingHad('x').standing({serving: 'x'})],
    ['the deployed one', anObservation().havingHad('x').withDeployment({revision: 'x'})],
    [
      'one with pods',
      anObservation()
        .havingHad('x')
        .with({pods: [...pods('a', 3), ...pods('x', 1)]}),
    ],
    ['the last known good', anObservation().havingHad('x', {goodAt: NOW - HOUR})],
    [
      'one that is being rolled back from',
      anObservation()
        .havingHad('x')
        .standing({})
        .remediation({action: anAction({fromRevision: 'x', targetUid: 'deployment-uid'})})
        .with({desired: 'a'}),
    ],
  ])('never loses %s', (_, observation) => {
    let full = observation.asking({release: {historyLimit: 2}});
    full = full.knowing('x', {createdAt: NOW - 90 * DAY});
    for (let i = 1; i <= 5; i++) full = full.havingHad(`h${i}`, {createdAt: NOW - i * DAY});
    expect(decide(full.build()).prune).toEqual(['h5', 'h4', 'h3']);
  });
});

describe('the next look', () => {
  test.each([
    ['soon while a revision bakes', anObservation().baking('b'), 5],
    ['soon while a Ready pod of a new revision serves', anObservation().rollingOut('b'), 5],
    ['soon while an action is under way', anObservation().releasing('b').remediation({action: anAction()}), 5],
    ['soon while a breach is suspected, though it may be chance', anObservation().serving({valid: 100, bad: 2}), 5],
    ['later at rest', anObservation(), 30],
    [
      'later while nothing of a rollout can be measured',
      anObservation().rollingOut('b').withPods('b', {ready: false}),
      30,
    ],
    ['later for a revision that waits for a person', baked().knowing('b', {breachedAt: NOW - HOUR}), 30],
  ])('is %s', (_, observation, seconds) => {
    expect(decide(observation.build()).lookAgainMs).toBe(seconds * SECOND);
  });
});
