import {afterAll, test} from '@jest/globals';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {resources} from '../../../operator/src/api/v1alpha1/index.ts';
import {FaultRecord} from '../../harness/fault-table.ts';
import {freePort} from '../../harness/mysqld-process.ts';
import {Simulation} from '../../harness/simulation.ts';
import {sideBySide} from '../../harness/stories.ts';
import {play, STATE_TIMEOUT_MS, type Fault, type Place} from './standing-faults.ts';

/*
 * Releases that are bad and services that suffer, as far as a condition tells of them for long: what is named, and that the
 * API server isn't asked more for it. What is done about each is told elsewhere.
 */
const STORY_TIMEOUT_MS = 500_000;
const BAD = {badShare: 0.5};
const MAIL = 'mail';
const SERVERS = 'servers.yaml';

let world: Simulation;
let folder: string;

const release =
  (image: string) =>
  ({namespace}: Place): Promise<void> =>
    world.patchSpec(namespace, {image});
const another = {cure: release('example/api:3'), cured: 'another image is released'} as const;

async function mail({namespace}: Place, value: string): Promise<void> {
  const data = {key: Buffer.from(value).toString('base64')};
  await world.client.patch(resources.secret, namespace, MAIL, {data}, {type: 'merge'});
  // Secrets aren't watched: a touch of the resource is what makes the operator read them now.
  const annotations = {'example.com/touched': value};
  await world.client.patch(resources.maintenanceApi, namespace, 'tasks', {metadata: {annotations}}, {type: 'merge'});
}

async function names({namespace}: Place): Promise<string[]> {
  return (await world.apiPods(namespace)).map(({name}) => name);
}

const faults: Readonly<Record<string, Fault>> = {
  'a release that fails requests, once it is rolled back': {
    images: {'example/api:2': BAD},
    requestsPerSecond: 50,
    cause: release('example/api:2'),
    told: ['Ready False RevisionRejected'],
    ...another,
  },
  'a release that crashes again and again, once it is rolled back': {
    images: {'example/api:2': {badShare: 0, crashes: true}},
    cause: release('example/api:2'),
    told: ['Ready False RevisionRejected'],
    ...another,
  },
  'a first release that fails requests: there is none to go back to': {
    images: {'example/api:2': BAD},
    requestsPerSecond: 50,
    spec: {image: 'example/api:2'},
    told: ['Ready False Escalated', 'of responses were bad'],
    ...another,
  },
  'a release that fails requests behind a migration that the one before can not read': {
    images: {
      'example/api:2': {
        ...BAD,
        migrations: [
          {version: 1, previousCanRead: true},
          {version: 2, previousCanRead: false},
        ],
      },
    },
    requestsPerSecond: 50,
    cause: release('example/api:2'),
    told: ['Ready False Escalated', 'can not read what migration 2 made'],
    ...another,
  },
  'a release that fails requests since the content of a Secret changed': {
    requestsPerSecond: 50,
    spec: {env: [{name: 'MAIL', valueFrom: {secretKeyRef: {name: MAIL, key: 'key'}}}]},
    before: async ({namespace}) => {
      const secret = {apiVersion: 'v1', kind: 'Secret', metadata: {name: MAIL, namespace}};
      await world.client.create(resources.secret, namespace, {...secret, stringData: {key: 'before'}});
    },
    cause: async (place) => {
      const good = await world.good(place.namespace);
      await mail(place, 'after');
      const {status} = await world.until(
        place.namespace,
        'the new content is a revision of its own',
        (api) => api.status?.revisions?.desired !== good,
        STATE_TIMEOUT_MS,
      );
      place.scene.revisions.set(status?.revisions?.desired ?? '', BAD);
    },
    told: ['Ready False Escalated', `The content of Secret "${MAIL}" changed`],
    cure: (place) => mail(place, 'before'),
    cured: 'the Secret has its content again',
  },
  'a release whose pods can not be read': {
    images: {'example/api:2': {badShare: 0, unreadable: true}},
    cause: release('example/api:2'),
    told: ['ObjectivesMet Unknown Inconclusive', 'could not be read in'],
    ...another,
  },
  'a Prometheus that does not answer': {
    spec: {slo: {source: {prometheusRef: {name: 'gone'}}}},
    told: ['ObjectivesMet Unknown Inconclusive', 'Prometheus "gone": it can not be reached'],
    cure: ({namespace}) => world.patchSpec(namespace, {slo: {source: {prometheusRef: null, scrape: {}}}}),
    cured: 'the spec has the pods read',
  },
  'a database that ends again and again': {
    images: {'mysql:0.1': {badShare: 0, waiting: 'CrashLoopBackOff'}},
    spec: {database: {managed: {image: 'mysql:0.1'}}},
    told: ['DatabaseReady False DatabaseStarting', 'Pod "tasks-mysql-0"', 'it ends again and again'],
    cure: async ({scene}) => {
      scene.images.delete('mysql:0.1');
      return Promise.resolve();
    },
    cured: 'it runs',
  },
  'a pod on a node that is silent': {
    spec: {replicas: 3},
    cause: async (place) => {
      place.scene.lost.add((await names(place))[0] ?? '');
    },
    told: ['Remediating False Escalated', 'InfraFault: The node of pod tasks-'],
    cure: async ({scene}) => {
      scene.lost.clear();
      return Promise.resolve();
    },
    cured: 'the node is heard of again',
  },
  'pods that all lack the same': {
    spec: {replicas: 3},
    cause: async (place) => {
      place.scene.images.set('example/api:1', {badShare: 0, failing: 'dns'});
      for (const name of await names(place)) place.scene.hung.add(name);
    },
    down: true,
    told: ['Remediating False Escalated', 'SharedDependency: ', 'the same fails: database: dns'],
    cure: async ({scene}) => {
      scene.images.delete('example/api:1');
      scene.hung.clear();
      return Promise.resolve();
    },
    cured: 'it is there again',
  },
  'a pod that hangs, where a restart is only observed': {
    spec: {replicas: 3, remediation: {actions: {restart: 'Observe'}}},
    cause: async (place) => {
      place.scene.hung.add((await names(place))[0] ?? '');
    },
    told: ['Remediating False Escalated', 'Hung: Pod tasks-'],
    cure: async ({scene}) => {
      scene.hung.clear();
      return Promise.resolve();
    },
    cured: 'the pod is Ready again',
  },
};

const record = new FaultRecord(
  'releases',
  {title: 'The service suffers', test: 'test/integration/operator/release-faults.test.ts'},
  Object.keys(faults),
);

/** Each has an operator of its own: to one, so many that suffer at once would have the same cause. */
async function alone(namespace: string, story: {readonly cause: string; readonly fault: Fault}): Promise<void> {
  world.startOperator({
    ...{LEASE_NAME: namespace, WATCH_NAMESPACES: namespace},
    PROMETHEUS_SERVERS_FILE: join(folder, SERVERS),
  });
  await play(world, record, namespace, story);
}

/** Nobody listens there. */
async function namePrometheus(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'release-faults-'));
  const gone = {name: 'gone', url: `http://127.0.0.1:${String(await freePort())}`, namespaceLabelEnforced: true};
  await writeFile(join(folder, SERVERS), JSON.stringify({prometheus: [gone]}));
}

sideBySide(
  'a fault is named, costs little, and is over when its cause is gone:',
  {
    start: async () => {
      world = await Simulation.start();
      await namePrometheus();
    },
    timeoutMs: STORY_TIMEOUT_MS,
  },
  Object.fromEntries(
    Object.entries(faults).map(([cause, fault], index) => [
      cause,
      () => alone(`release-${String(index)}`, {cause, fault}),
    ]),
  ),
);

test('the page has each of these faults, and no other', () => {
  record.holdWhole();
});

afterAll(async () => {
  await world.stop();
  await rm(folder, {recursive: true, force: true});
});
