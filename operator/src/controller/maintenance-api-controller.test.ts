import {describe, expect, test} from '@jest/globals';
import {Attempts} from '../act/attempts.ts';
import {ChildWriter} from '../act/children.ts';
import {DatabaseKeeper} from '../act/database-keeper.ts';
import {OwnedSecretKeeper, type OwnedSecrets} from '../act/owned-secrets.ts';
import {RevisionWriter} from '../act/revisions.ts';
import {StatusWriter} from '../act/status-writer.ts';
import {anError, FakeServer, type Asked} from '../act/testing.ts';
import {
  labels,
  type ActionRecord,
  type Condition,
  type MaintenanceApi,
  type MaintenanceApiSpecInput,
} from '../api/v1alpha1/index.ts';
import {revisionData, revisionHash} from '../desired/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import type {MaintenanceApiReading} from '../observe/cache.ts';
import {DatabaseProbes} from '../observe/database-probe.ts';
import {Scraper} from '../observe/scraper.ts';
import type {ApplyOptions, ApplyResult, KubeObject, Outcome, WritableObject} from '../runtime/index.ts';
import {wantedHash} from '../runtime/index.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {RecordingLogger} from '../runtime/testing/logs.ts';
import {MaintenanceApiController} from './maintenance-api-controller.ts';
import {ResourceStates} from './resource-state.ts';
import type {MaintenanceApiControllerOptions} from './scope.ts';
import {aCache, type Content} from './testing.ts';

const KEY = 'apis/shop';
const account = (user: string) => ({user, password: `${user}-password`});
const SECRETS: OwnedSecrets = {
  accounts: {app: account('app'), migrate: account('migrate'), monitor: account('monitor'), admin: account('admin')},
  ...{authorityCertificate: 'ca', serverCertificate: 'tls', serverUuids: {}, version: '1'},
};
const SPEC: Partial<MaintenanceApiSpecInput> = {replicas: 2};
const hashOf = (image: string): string =>
  revisionHash(revisionData(aMaintenanceApi({...SPEC, image: `registry.example.com/api:${image}`}), {}));
const GOOD = hashOf('good');
const BAD = hashOf('bad');

/** The controller before an API server in memory, whose objects are the cache. */
class Stage {
  readonly clock = new FakeClock(Date.parse('2026-03-02T12:00:00Z'));
  readonly server = new FakeServer();
  readonly logger = new RecordingLogger();
  readonly events: string[] = [];
  readonly enqueued: string[] = [];
  /** Writes in the order in which they came, children included. */
  readonly writes: string[] = [];
  readonly applied: {object: WritableObject; options: ApplyOptions}[] = [];
  readonly controller: MaintenanceApiController;
  secrets: () => Promise<OwnedSecrets> = () => Promise.resolve(SECRETS);
  refuseChild: (object: WritableObject) => void = () => undefined;
  api: MaintenanceApi | undefined;
  unusable: string | undefined;

  constructor(spec: Partial<MaintenanceApiSpecInput> = {}) {
    this.api = aMaintenanceApi({...SPEC, image: 'registry.example.com/api:good', ...spec});
    const {clock, server, logger} = this;
    const guard = (): void => undefined;
    const objects = (kind: string): KubeObject[] =>
      [...server.objects].flatMap(([id, object]) => (id.startsWith(`${kind}/`) ? [object] : []));
    const content: Content = {
      get pods() {
        return objects('Pod');
      },
      get deployments() {
        return objects('Deployment');
      },
      get revisions() {
        return objects('ControllerRevision');
      },
    };
    const read = (): MaintenanceApiReading | undefined => this.#reading();
    const cache = Object.assign(aCache(content), {
      apis: {get: () => ({value: read()})},
      child: (kind: string) => ({
        get: (key: string) => {
          const object = server.objects.get(`${kind}/${key.split('/')[1] ?? ''}`);
          return object && {...object.metadata, value: {owned: object['owned'] as string, deleting: false}};
        },
        ownedBy: () => [],
      }),
    }) as unknown as MaintenanceApiControllerOptions['cache'];
    const applier = {apply: (object: WritableObject, options: ApplyOptions = {}) => this.#apply(object, options)};
    const attempts = new Attempts(clock);
    const onChange = (key: string): void => void this.enqueued.push(key);
    const connect = () => Promise.reject(new Error('nobody is there'));
    const states = new ResourceStates({client: server, clock, secrets: {ensure: () => this.secrets()}, logger});
    server.refuse = (asked) => this.#note(asked);
    this.controller = new MaintenanceApiController({
      ...({client: server} as unknown as Pick<MaintenanceApiControllerOptions, 'client'>),
      ...{clock, cache, states, attempts, logger, guard},
      scraper: new Scraper({clock, onRound: onChange, fetch: () => Promise.reject(new Error('not read'))}),
      probes: new DatabaseProbes({connect, clock, onChange, enabled: true}),
      secrets: new OwnedSecretKeeper({client: server, guard, builders: {} as never}),
      keeper: new DatabaseKeeper({connect, clock, logger, onChange}),
      children: new ChildWriter({client: server, applier, cache, attempts, guard}),
      revisions: new RevisionWriter({client: server, attempts, guard, onWrite: () => undefined}),
      status: new StatusWriter({client: server, clock, guard, onWrite: () => undefined}),
      recorder: {record: ({reason}: {reason: string}) => this.events.push(reason)} as never,
    });
  }

  /** What fails of what is asked. */
  refuse: (asked: Asked) => void = () => undefined;

  async look(): Promise<Outcome> {
    const context = {id: '1', signal: new AbortController().signal, logger: this.logger};
    const outcome = await this.controller.reconcile(KEY, context);
    this.#takeStatus();
    return outcome;
  }

  /** Looks until nothing is to be waited for any more, at most for a few seconds. */
  async settle(): Promise<Outcome> {
    for (let i = 0; i < 20; i++) {
      const outcome = await this.look();
      if (outcome.kind !== 'wait' || outcome.afterMs > 1_000) return outcome;
      await this.clock.advance(outcome.afterMs);
    }
    throw new Error('it never settles');
  }

  /** Looks every five seconds, or as often as told. */
  async lookFor(ms: number, everyMs = 5_000): Promise<void> {
    for (let passed = 0; passed < ms; passed += everyMs) {
      await this.look();
      await this.clock.advance(everyMs);
    }
  }

  condition(type: Condition['type']): string {
    const found = this.api?.status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status ?? ''} ${found?.reason ?? ''}`;
  }

  /** A person, or Git, changes the resource. */
  edit(change: Partial<MaintenanceApiSpecInput>, metadata: Partial<MaintenanceApi['metadata']> = {}): void {
    if (this.api === undefined) throw new Error('there is no resource');
    const {spec} = aMaintenanceApi({...SPEC, image: this.api.spec.image, ...change});
    const generation = this.api.metadata.generation + 1;
    this.api = {...this.api, spec, metadata: {...this.api.metadata, generation, ...metadata}};
  }

  /** A good revision serves, a bad one was released, and its rollback is recorded. */
  async rollingBack(action: Partial<ActionRecord> = {}): Promise<void> {
    await this.settle();
    this.#annotate(GOOD, {'maintenance-api.io/good': '2026-03-02T11:00:00Z'});
    await this.look();
    this.edit({image: 'registry.example.com/api:bad'});
    await this.settle();
    const deployment = this.server.objects.get('Deployment/shop');
    if (this.api === undefined || deployment === undefined) throw new Error('nothing was released');
    const record: ActionRecord = {
      ...{id: 'action-1', kind: 'Rollback', verdict: 'BadRevision', targetUid: deployment.metadata.uid ?? ''},
      ...{fromRevision: BAD, toRevision: GOOD, state: 'Recorded', recordedAt: '2026-03-02T12:00:00Z'},
      ...action,
    };
    const status = {...this.api.status, remediation: {mode: 'Auto' as const, action: record}};
    this.api = {...this.api, status};
    this.forgetWrites();
  }

  forgetWrites(): void {
    this.writes.length = 0;
    this.applied.length = 0;
    this.events.length = 0;
  }

  #reading(): MaintenanceApiReading | undefined {
    if (this.unusable !== undefined) return {valid: false, problem: this.unusable, generation: 1};
    return this.api && {valid: true, api: this.api};
  }

  /** What was patched becomes what is read. */
  #takeStatus(): void {
    const stored = this.server.objects.get('MaintenanceApi/shop');
    if (stored === undefined || this.api === undefined) return;
    this.server.objects.delete('MaintenanceApi/shop');
    const {status} = stored as {status?: MaintenanceApi['status']};
    const resourceVersion = stored.metadata.resourceVersion ?? '';
    this.api = {...this.api, ...(status && {status}), metadata: {...this.api.metadata, resourceVersion}};
  }

  #annotate(hash: string, annotations: Record<string, string>): void {
    const revision = this.server.objects.get(`ControllerRevision/shop-${hash}`);
    if (revision === undefined) throw new Error(`there is no revision ${hash}`);
    revision.metadata.annotations = annotations;
  }

  #note(asked: Asked): void {
    const {verb, object} = asked;
    if (verb !== 'get') this.writes.push(`${verb} ${object}`);
    this.refuse(asked);
  }

  async #apply(object: WritableObject, options: ApplyOptions): Promise<ApplyResult> {
    const owned = wantedHash(object);
    if (owned === options.owned) return {changed: false, object: undefined, differences: []};
    const id = `${object.kind}/${object.metadata.name}`;
    this.writes.push(`apply ${id}`);
    this.applied.push({object, options});
    this.refuseChild(object);
    const {uid = `uid of ${id}`} = this.server.objects.get(id)?.metadata ?? {};
    const metadata = {...object.metadata, uid, resourceVersion: String(this.applied.length)};
    const stored = {...object, metadata, owned};
    this.server.objects.set(id, stored);
    return {changed: true, object: stored, differences: []};
  }
}

describe('a new resource', () => {
  test('gets its revision, then its children, then its status', async () => {
    const stage = new Stage();
    expect(await stage.look()).toEqual({kind: 'wait', afterMs: 50, reason: expect.any(String)});
    expect(stage.writes).toEqual([`create ControllerRevision/shop-${GOOD}`]);
    await stage.settle();
    expect(stage.writes.slice(1)).toEqual([
      'apply ServiceAccount/shop',
      'apply ServiceAccount/shop-mysql',
      'apply ConfigMap/shop-mysql-config',
      'apply Service/shop-mysql-pods',
      'apply Service/shop-mysql',
      'apply Service/shop',
      'apply StatefulSet/shop-mysql',
      'apply PodDisruptionBudget/shop',
      'apply Deployment/shop',
      'patch MaintenanceApi/shop',
    ]);
    expect(stage.api?.status).toMatchObject({observedGeneration: 1, revisions: {desired: GOOD, serving: GOOD}});
  });

  test('is left alone when nothing changes: no write at rest', async () => {
    const stage = new Stage();
    await stage.settle();
    await stage.look();
    stage.forgetWrites();
    stage.server.asked.length = 0;
    await stage.lookFor(600_000);
    expect([stage.writes, stage.server.log]).toEqual([[], []]);
  });

  test('whose former revision of the same hash is still being collected waits for that, without haste', async () => {
    const stage = new Stage();
    stage.server.objects.set(`ControllerRevision/shop-${GOOD}`, {
      ...{apiVersion: 'apps/v1', kind: 'ControllerRevision', data: {} as never},
      metadata: {
        ...{name: `shop-${GOOD}`, namespace: 'apis', uid: 'old', resourceVersion: '1'},
        labels: {[labels.owner]: 'shop'},
        ownerReferences: [{apiVersion: 'v', kind: 'MaintenanceApi', name: 'shop', uid: 'the former', controller: true}],
      },
    });
    const outcome = await stage.look();
    expect(outcome).toMatchObject({kind: 'wait', afterMs: 10_000});
    stage.server.objects.clear();
    await stage.settle();
    expect(stage.api?.status?.revisions?.serving).toBe(GOOD);
  });

  test('whose revision a quota refuses says so, changes nothing, and does not ask at every look', async () => {
    const stage = new Stage();
    stage.refuse = ({verb, object}) => {
      if (verb === 'create' && object.startsWith('ControllerRevision')) throw anError(403, 'Forbidden');
    };
    await stage.lookFor(60_000);
    expect(stage.writes).toEqual([`create ControllerRevision/shop-${GOOD}`, 'patch MaintenanceApi/shop']);
    expect(stage.condition('Ready')).toBe('False ApplyRefused');
  });
});

describe('a rollback', () => {
  test('is carried out by the Deployment first, as it was read, after the suspension is on the revision', async () => {
    const stage = new Stage();
    await stage.rollingBack();
    const read = stage.server.objects.get('Deployment/shop')?.metadata.resourceVersion;
    await stage.look();
    expect(stage.writes.slice(0, 2)).toEqual([`patch ControllerRevision/shop-${BAD}`, 'apply Deployment/shop']);
    expect(stage.applied[0]?.options.resourceVersion).toBe(read);
    stage.forgetWrites();
    await stage.look();
    expect(stage.writes.filter((write) => write.startsWith('apply'))).toEqual([]);
  });

  test('is decided again when the Deployment changed meanwhile', async () => {
    const stage = new Stage();
    await stage.rollingBack();
    stage.refuseChild = () => {
      throw anError(409, 'Conflict');
    };
    expect(await stage.look()).toMatchObject({kind: 'retry', afterMs: 500});
    stage.refuseChild = () => undefined;
    await stage.look();
    expect(stage.applied.map(({object}) => object.kind)).toEqual(['Deployment', 'Deployment']);
  });

  test.each<[string, (stage: Stage) => void]>([
    [
      'Secrets that can not be read',
      (stage) => {
        stage.secrets = () => Promise.reject(anError(504, 'Timeout'));
        stage.edit({image: 'registry.example.com/api:bad'}, {annotations: {touched: '1'}});
      },
    ],
    [
      'another child that is refused',
      (stage) => {
        stage.refuseChild = ({kind}) => {
          if (kind !== 'Deployment') throw anError(500, 'InternalError');
        };
        stage.edit({image: 'registry.example.com/api:bad'});
      },
    ],
    [
      'another child that hangs',
      (stage) => {
        for (const id of stage.server.objects.keys()) if (id.startsWith('Service/')) stage.server.objects.delete(id);
        stage.refuseChild = ({kind}) => {
          if (kind !== 'Deployment') throw anError(504, 'Timeout');
        };
      },
    ],
  ])('is not held up by %s', async (_what, happens) => {
    const stage = new Stage();
    await stage.rollingBack();
    happens(stage);
    await stage.look();
    expect(stage.applied.map(({object}) => object.kind)).toContain('Deployment');
    const template = stage.server.objects.get('Deployment/shop')?.['spec'] as {
      template: {metadata: {labels: Record<string, string>}};
    };
    expect(template.template.metadata.labels[labels.revision]).toBe(GOOD);
  });

  test('goes on after a restart during which Secrets can not be read', async () => {
    const stage = new Stage();
    await stage.rollingBack();
    const next = new Stage({image: 'registry.example.com/api:bad'});
    for (const [id, object] of stage.server.objects) next.server.objects.set(id, object);
    next.api = stage.api;
    next.secrets = () => Promise.reject(anError(504, 'Timeout'));
    await next.look();
    await next.look();
    expect(next.applied.map(({object}) => object.kind)).toContain('Deployment');
  });
});

describe('while paused', () => {
  test('children are left alone, and status says so', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({paused: true, image: 'registry.example.com/api:bad', replicas: 5});
    stage.server.objects.delete('Service/shop');
    stage.forgetWrites();
    await stage.settle();
    expect(stage.writes).toEqual([`create ControllerRevision/shop-${BAD}`, 'patch MaintenanceApi/shop']);
    expect(stage.condition('Paused')).toBe('True Paused');
    expect(stage.api?.status?.observedGeneration).toBe(2);
  });
});

describe('a standing fault', () => {
  test('of a child costs one request in two minutes, and ends in a condition that names it', async () => {
    const stage = new Stage();
    stage.refuseChild = ({kind}) => {
      if (kind === 'StatefulSet') throw anError(422, 'Invalid');
    };
    await stage.settle();
    stage.forgetWrites();
    await stage.lookFor(60_000);
    expect(stage.writes.filter((write) => write.includes('StatefulSet')).length).toBeLessThanOrEqual(1);
    expect(stage.condition('Stalled')).toBe('True ApplyRefused');
    expect(stage.api?.status?.conditions?.[0]?.message).toContain('StatefulSet "shop-mysql" was refused');
    stage.refuseChild = () => undefined;
    stage.edit({}, {annotations: {touched: '1'}});
    stage.forgetWrites();
    await stage.settle();
    expect(stage.writes).toContain('apply StatefulSet/shop-mysql');
  });

  test('of status costs at most 6 requests a minute, though its pods are read all the time', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({replicas: 3});
    stage.refuse = ({object}) => {
      if (object === 'MaintenanceApi/shop') throw anError(422, 'Invalid');
    };
    stage.forgetWrites();
    for (let second = 0; second < 600; second++) {
      await stage.look();
      await stage.clock.advance(1_000);
    }
    expect(stage.writes.filter((write) => write.includes('MaintenanceApi')).length).toBeLessThanOrEqual(8);
    stage.refuse = () => undefined;
    await stage.clock.advance(120_000);
    expect(await stage.look()).toMatchObject({reason: 'looking again'});
  });

  test('that passes by itself is tried again by the queue', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({replicas: 3});
    stage.refuse = () => {
      throw anError(503);
    };
    expect(await stage.look()).toMatchObject({kind: 'retry', error: {kind: 'Unavailable'}});
    stage.refuse = () => undefined;
    expect(await stage.look()).toMatchObject({kind: 'wait', reason: 'looking again'});
  });
});

describe('a resource that goes', () => {
  test('with its namespace ends in no error', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.server.objects.delete('Service/shop');
    stage.refuseChild = () => {
      throw anError(403, 'Forbidden', ['metadata.namespace']);
    };
    expect(await stage.look()).toEqual({kind: 'done'});
    expect(stage.logger.lines).toEqual([]);
  });

  test('leaves no timer and is asked for nothing', async () => {
    const stage = new Stage();
    await stage.settle();
    expect(stage.clock.pending).toBeGreaterThan(0);
    stage.api = undefined;
    expect(await stage.look()).toEqual({kind: 'done'});
    stage.server.asked.length = 0;
    await stage.clock.advance(600_000);
    expect([stage.clock.pending, stage.server.log, stage.enqueued]).toEqual([0, [], stage.enqueued]);
  });

  test('slowly, for the sake of a finalizer, is left alone from its deletion on', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({}, {deletionTimestamp: '2026-03-02T12:00:00Z'});
    stage.forgetWrites();
    stage.server.objects.clear();
    expect(await stage.look()).toEqual({kind: 'done'});
    expect(stage.writes).toEqual([]);
  });

  test('is one of another version: it is left alone, and that is said once', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.unusable = 'spec.image: not valid';
    stage.forgetWrites();
    for (let i = 0; i < 5; i++) expect(await stage.look()).toEqual({kind: 'done'});
    expect([stage.writes, stage.logger.messages('error'), stage.clock.pending]).toEqual([
      [],
      [expect.stringContaining('Leaving the resource alone')],
      0,
    ]);
  });
});

describe('a retry', () => {
  test('that names no revision is answered once, and taken away', async () => {
    const stage = new Stage();
    await stage.settle();
    stage.edit({}, {annotations: {'maintenance-api.io/retry': 'nonsense'}});
    stage.forgetWrites();
    await stage.look();
    expect(stage.events).toEqual(['RetryUnknown']);
    const patch = stage.server.asked.find(({body}) => Array.isArray(body) && JSON.stringify(body).includes('retry'));
    expect(patch?.body).toEqual([
      {op: 'test', path: '/metadata/annotations/maintenance-api.io~1retry', value: 'nonsense'},
      {op: 'remove', path: '/metadata/annotations/maintenance-api.io~1retry'},
    ]);
  });
});

test('service levels are saved every hour, and a failure of that holds up nothing', async () => {
  const stage = new Stage();
  await stage.settle();
  stage.forgetWrites();
  stage.refuse = ({verb, object}) => {
    if (verb === 'patch' && object === 'ConfigMap/shop-slo') throw anError(403, 'Forbidden');
  };
  await stage.clock.advance(3_600_000);
  expect(await stage.look()).toMatchObject({reason: 'looking again'});
  await stage.lookFor(290_000, 30_000);
  expect(stage.writes.filter((write) => write.includes('shop-slo'))).toHaveLength(1);
  stage.refuse = () => undefined;
  await stage.lookFor(3_900_000, 60_000);
  expect(stage.writes.filter((write) => write.includes('shop-slo'))).toHaveLength(3);
});
