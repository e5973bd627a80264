import {describe, expect, test} from '@jest/globals';
import {labels, type ExternalDatabase, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi, externalDatabase} from '../desired/testing/scenarios.ts';
import type {PodReading} from '../observe/pod-metrics.ts';
import type {ScrapeResult} from '../observe/scraper.ts';
import {externalDatabaseView, toldByPods, wordsOf, type PodWord, type ToldByPods} from './external-database.ts';
import {aCache, anObject} from './testing.ts';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const API: MaintenanceApi = aMaintenanceApi({database: externalDatabase});
const EXTERNAL = API.spec.database.external as ExternalDatabase;
const RUNNING = {running: {startedAt: '2026-03-02T10:00:00Z'}};

interface Pod {
  readonly revision?: string;
  readonly ready?: boolean;
  /** What its migration left behind, where it doesn't run. */
  readonly left?: string;
  readonly phase?: string;
}

const aPod = (name: string, {revision = 'new', ready = false, left, phase = 'Running'}: Pod = {}) =>
  anObject(
    name,
    {
      status: {
        ...{phase, conditions: [{type: 'Ready', status: ready ? 'True' : 'False'}]},
        ...(left === undefined
          ? {containerStatuses: [{name: 'api', restartCount: 0, state: RUNNING}]}
          : {
              initContainerStatuses: [
                {name: 'migrate', restartCount: 1, state: {terminated: {exitCode: 1, message: left}}},
              ],
            }),
      },
    },
    {labels: {[labels.owner]: 'shop', [labels.component]: 'api', [labels.revision]: revision}},
  );

const podsOf = (...objects: ReturnType<typeof aPod>[]) => aCache({pods: objects}).pods.ownedBy('apis/shop');
const scrape = (pod: string, failing: string | undefined, change: Partial<ScrapeResult> = {}) =>
  ({uid: `uid-of-${pod}`, failures: 0, readAt: NOW, reading: {failing} as PodReading, ...change}) as ScrapeResult;
const word = (cause: string | undefined, change: Partial<PodWord> = {}): PodWord => ({
  ...{revision: 'new', cause, by: 'api', at: NOW},
  ...change,
});
const told = (...words: PodWord[]): ToldByPods | undefined => toldByPods(undefined, words, EXTERNAL);
const view = (words: PodWord[], ...pods: ReturnType<typeof aPod>[]) =>
  externalDatabaseView(API, EXTERNAL, {told: told(...words), pods: podsOf(...pods), desired: 'new'});

describe('what a pod says', () => {
  test('is its metrics while it runs, and the last word of its migration while it does not', () => {
    const pods = podsOf(aPod('a'), aPod('b'), aPod('c', {left: 'database: schema\n'}));
    expect(wordsOf(pods, [scrape('a', undefined), scrape('b', 'database: credentials')], NOW)).toEqual([
      word(undefined),
      word('credentials'),
      word('schema', {by: 'migrate'}),
    ]);
  });

  test.each<[string, ReturnType<typeof aPod>, ScrapeResult[]]>([
    ['of a reading that failed', aPod('a'), [scrape('a', undefined, {failures: 1})]],
    ['of a reading that is old', aPod('a'), [scrape('a', undefined, {readAt: NOW - 100_000})]],
    ['of a pod that was not read', aPod('a'), []],
    ['of an end for another reason', aPod('a', {left: 'exit code 1'}), []],
    ['of more than a word', aPod('a', {left: 'database: the password is hunter2'}), []],
    ['of a pod that is over', aPod('a', {phase: 'Failed'}), [scrape('a', undefined)]],
  ])('is nothing %s', (_, pod, scrapes) => {
    expect(wordsOf(podsOf(pod), scrapes, NOW)).toEqual([]);
  });
});

describe('what follows for the database', () => {
  test('is nothing while nobody says anything', () => {
    expect(told()).toBeUndefined();
  });

  test('one pod that can use it is enough to say that it is there', () => {
    expect(told(word('connection'), word(undefined))?.reading).toMatchObject({reachable: true, maxConnections: 500});
    expect(told(word('connection'), word('dns'))?.reading).toMatchObject({
      ...{reachable: false, unreachableSince: NOW, reason: 'its pods say: dns'},
    });
  });

  test('an outage is remembered from the first word to the first answer', () => {
    const later = {at: NOW + 5_000};
    const lost = told(word('connection'));
    const still = toldByPods(lost, [word('connection', later)], EXTERNAL);
    expect(still?.reading.unreachableSince).toBe(NOW);
    const back = toldByPods(still, [word(undefined, {at: NOW + 9_000})], EXTERNAL);
    expect(back?.reading).toMatchObject({reachable: true, lastOutage: {from: NOW, to: NOW + 9_000}});
    expect(toldByPods(back, [word(undefined, {at: NOW + 20_000})], EXTERNAL)?.reading.lastOutage).toEqual(
      back?.reading.lastOutage,
    );
  });
});

describe('the condition', () => {
  test.each<[string, PodWord, string, RegExp]>([
    ['connection', word('connection'), 'DatabaseUnreachable', /cluster\.local:3307 does not answer/],
    ['dns', word('dns'), 'DatabaseUnreachable', /knows the database's host primary\.databases/],
    ['credentials', word('credentials'), 'DatabaseCredentialsRefused', /Secret "repairs-app"/],
    ['of migrations', word('credentials', {by: 'migrate'}), 'DatabaseCredentialsRefused', /Secret "repairs-migrate"/],
    [
      'grants',
      word('grants', {by: 'migrate'}),
      'DatabaseGrantsMissing',
      /Secret "repairs-migrate" .* schema "repairs"/,
    ],
    ['schema', word('schema'), 'DatabaseSchemaMissing', /Schema "repairs" does not exist/],
    ['certificate', word('certificate'), 'DatabaseNotTrusted', /Secret "databases-ca" must have in ca\.crt/],
    ['a word of its own', word('moon'), 'DatabaseUnreachable', /they say "moon"/],
  ])('names what has to be changed: %s', (_, said, reason, message) => {
    expect(view([said], aPod('a'))).toMatchObject({
      ...{state: 'Unreachable', reason, message: expect.stringMatching(message)},
    });
  });

  test('tells what a person has to change before what may pass', () => {
    expect(view([word('connection'), word('credentials'), word('dns')])).toMatchObject({
      reason: 'DatabaseCredentialsRefused',
    });
  });

  test('is Ready as soon as a pod can use it, by its word or, where it was not read, by being Ready', () => {
    expect(view([word(undefined)], aPod('a'))).toEqual({state: 'Ready'});
    expect(view([], aPod('a', {ready: true}))).toEqual({state: 'Ready'});
    expect(view([], aPod('a'))).toMatchObject({state: 'Starting', reason: 'DatabaseStarting'});
  });

  test('is of what the spec asks for, though pods of the revision before serve from where they were', () => {
    const old = {revision: 'old'};
    const words = [word(undefined, old), word('schema', {by: 'migrate'})];
    const pods = [aPod('a', {...old, ready: true}), aPod('b', {left: 'database: schema'})];
    expect(view(words, ...pods)).toMatchObject({state: 'Starting', reason: 'DatabaseSchemaMissing'});
    expect(view([...words, word(undefined)], ...pods, aPod('c'))).toEqual({state: 'Ready'});
    expect(view([word('connection', old), word(undefined)], ...pods, aPod('c'))).toEqual({state: 'Ready'});
  });
});
