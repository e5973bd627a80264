import {Registry} from 'prom-client';
import {Attempts} from '../act/attempts.ts';
import {BackupWriter} from '../act/backups.ts';
import {ChildWriter} from '../act/children.ts';
import {DatabaseKeeper} from '../act/database-keeper.ts';
import {Evictions} from '../act/evictions.ts';
import {OwnedSecretKeeper, type OwnedSecrets} from '../act/owned-secrets.ts';
import {RevisionWriter} from '../act/revisions.ts';
import {StatusWriter} from '../act/status-writer.ts';
import {VolumeOwner} from '../act/volume-owner.ts';
import {FakeServer, type Asked} from '../act/testing.ts';
import {
  labels,
  type ActionRecord,
  type Condition,
  type MaintenanceApi,
  type MaintenanceApiSpecInput,
  type Presence,
} from '../api/v1alpha1/index.ts';
import {retainedOwners, revisionData, revisionHash} from '../desired/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import type {MaintenanceApiReading} from '../observe/cache.ts';
import {DatabaseProbes} from '../observe/database-probe.ts';
import {PrometheusError, type AskPrometheus} from '../observe/ask-prometheus.ts';
import {PrometheusSources} from '../observe/prometheus-source.ts';
import {Scraper, type FetchMetrics} from '../observe/scraper.ts';
import type {ApplyOptions, ApplyResult, KubeObject, Outcome, WritableObject} from '../runtime/index.ts';
import {controllerOf, wantedHash} from '../runtime/index.ts';
import {FakeClock} from '../runtime/testing/fake-clock.ts';
import {RecordingLogger} from '../runtime/testing/logs.ts';
import {MaintenanceApiController} from './maintenance-api-controller.ts';
import {ResourceMetrics} from './resource-metrics.ts';
import {ResourceStates} from './resource-state.ts';
import type {MaintenanceApiControllerOptions} from './scope.ts';
import {aCache, anObject, SECRETS, type Content} from './testing.ts';

const KEY = 'apis/shop';
const SPEC: Partial<MaintenanceApiSpecInput> = {replicas: 2};
const hashOf = (image: string): string =>
  revisionHash(revisionData(aMaintenanceApi({...SPEC, image: `registry.example.com/api:${image}`}), {}));

/** The revision that a new stage asks for, and the one that is released after it. */
export const GOOD = hashOf('good');
export const BAD = hashOf('bad');

/** The controller before an API server in memory, whose objects are the cache. */
export class Stage {
  readonly clock = new FakeClock(Date.parse('2026-03-02T12:00:00Z'));
  readonly server = new FakeServer();
  readonly logger = new RecordingLogger();
  readonly events: string[] = [];
  readonly enqueued: string[] = [];
  /** Writes in the order in which they came, children included. */
  readonly writes: string[] = [];
  readonly applied: {object: WritableObject; options: ApplyOptions}[] = [];
  readonly controller: MaintenanceApiController;
  readonly states: ResourceStates;
  secrets: () => Promise<OwnedSecrets> = () => Promise.resolve(SECRETS);
  refuseChild: (object: WritableObject) => void = () => undefined;
  /** How a pod answers the operator, and how Prometheus (`main`) does. */
  fetch: FetchMetrics = () => Promise.reject(new Error('not read'));
  ask: AskPrometheus = () => Promise.reject(new PrometheusError('it is not there', false));
  /** Of the kinds that not every cluster has. */
  presence: Presence = 'Absent';
  readonly registry = new Registry();
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
      get autoscalers() {
        return objects('HorizontalPodAutoscaler');
      },
      get jobs() {
        return objects('Job');
      },
      get backups() {
        return objects('MaintenanceApiBackup');
      },
      get statefulSets() {
        return objects('StatefulSet');
      },
      get cronJobs() {
        return objects('CronJob');
      },
      get revisions() {
        return objects('ControllerRevision');
      },
    };
    const read = (): MaintenanceApiReading | undefined => this.#reading();
    const cache = Object.assign(aCache(content), {
      apis: {get: () => ({value: read()})},
      presence: () => ({PrometheusRule: this.presence, PodMonitor: this.presence, HTTPRoute: this.presence}),
      child: (kind: string) => ({
        get: (key: string) => {
          const object = server.objects.get(`${kind}/${key.split('/')[1] ?? ''}`);
          return object && {...object.metadata, value: {owned: object['owned'] as string, deleting: false}};
        },
        ownedBy: () =>
          objects(kind)
            .filter(({metadata}) => metadata.labels?.[labels.owner] !== undefined)
            .map((object) => ({
              ...{...object.metadata, owner: controllerOf(object)},
              value: {owned: object['owned'] as string, deleting: false},
            })),
      }),
    }) as unknown as MaintenanceApiControllerOptions['cache'];
    const applier = {
      apply: (object: WritableObject, options: ApplyOptions = {}) => Promise.try(() => this.#apply(object, options)),
    };
    const attempts = new Attempts(clock);
    const onChange = (key: string): void => void this.enqueued.push(key);
    const connect = () => Promise.reject(new Error('nobody is there'));
    this.states = new ResourceStates({
      client: server,
      clock,
      secrets: {ensure: () => this.secrets(), ensureBackupKey: () => Promise.resolve('generated-1')},
      logger,
    });
    server.refuse = (asked) => this.#note(asked);
    this.controller = new MaintenanceApiController({
      ...({client: server} as unknown as Pick<MaintenanceApiControllerOptions, 'client'>),
      ...{clock, cache, states: this.states, attempts, logger, guard, namespace: 'maintenance-api-system'},
      scraper: new Scraper({clock, onRound: onChange, fetch: (target, timeoutMs) => this.fetch(target, timeoutMs)}),
      sources: new PrometheusSources({
        ...{clock, onRound: onChange, servers: [{name: 'main', url: 'http://prometheus.example.com'}]},
        ask: (server, query, timeoutMs) => this.ask(server, query, timeoutMs),
      }),
      probes: new DatabaseProbes({connect, clock, onChange, testifies: true}),
      secrets: new OwnedSecretKeeper({client: server, guard, builders: {} as never}),
      keeper: new DatabaseKeeper({connect, clock, logger, onChange}),
      children: new ChildWriter({client: server, applier, cache, attempts, guard}),
      revisions: new RevisionWriter({client: server, attempts, guard, onWrite: () => undefined}),
      backups: new BackupWriter({client: server, attempts, guard, onWrite: () => undefined}),
      backupImage: 'registry.example.com/operator:1',
      evictions: new Evictions({client: server, attempts, guard, clock}),
      volumeOwner: new VolumeOwner({
        ...{client: server, attempts, guard},
        owners: retainedOwners,
        onWrite: () => undefined,
      }),
      status: new StatusWriter({client: server, clock, guard, onWrite: () => undefined}),
      resourceMetrics: new ResourceMetrics(this.registry),
      recorder: {
        record: ({reason}: {reason: string}) => this.events.push(reason),
        forget: ({namespace, name}: {namespace: string; name: string}) =>
          this.events.push(`forget ${namespace}/${name}`),
      } as never,
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

  /** A good revision serves, and a bad one was released. */
  async released(): Promise<void> {
    await this.settle();
    this.#annotate(GOOD, {'maintenance-api.io/good': '2026-03-02T11:00:00Z'});
    await this.look();
    this.edit({image: 'registry.example.com/api:bad'});
    await this.settle();
  }

  /** A good revision serves, a bad one was released, and its rollback is recorded. */
  async rollingBack(action: Partial<ActionRecord> = {}): Promise<void> {
    await this.released();
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

  /** Two pods of the good revision are Ready, and one of the bad one ends again and again. */
  crashLoops(): void {
    const pod = (name: string, revision: string, status: object): void => {
      const metadata = {labels: {[labels.owner]: 'shop', [labels.component]: 'api', [labels.revision]: revision}};
      this.server.objects.set(`Pod/${name}`, anObject(name, {status}, metadata));
    };
    const ready = {phase: 'Running', conditions: [{type: 'Ready', status: 'True'}]};
    pod('old-1', GOOD, ready);
    pod('old-2', GOOD, ready);
    const waiting = {waiting: {reason: 'CrashLoopBackOff', message: 'back-off 40s'}};
    pod('new', BAD, {phase: 'Running', containerStatuses: [{name: 'api', restartCount: 4, state: waiting}]});
    const deployment = this.server.objects.get('Deployment/shop');
    if (deployment === undefined) throw new Error('there is no Deployment');
    const status = {replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2};
    this.server.objects.set('Deployment/shop', Object.assign(deployment, {status}));
  }

  /** A good revision is rolled out with two pods; `hung` was Ready and isn't since so long. */
  serves(
    hash: string,
    {hung, sinceMs = 0, names = ['pod-1', 'pod-2']}: {hung?: string; sinceMs?: number; names?: string[]} = {},
  ): void {
    this.#annotate(hash, {'maintenance-api.io/good': '2026-03-02T11:00:00Z'});
    for (const name of names) {
      const metadata = {labels: {[labels.owner]: 'shop', [labels.component]: 'api', [labels.revision]: hash}};
      const lastTransitionTime = new Date(this.clock.now() - sinceMs).toISOString();
      const conditions = [{type: 'Ready', status: name === hung ? 'False' : 'True', lastTransitionTime}];
      const state = {running: {startedAt: '2026-03-02T10:00:00Z'}};
      const status = {phase: 'Running', conditions, containerStatuses: [{name: 'api', restartCount: 0, state}]};
      this.server.objects.set(`Pod/${name}`, anObject(name, {status}, metadata));
    }
    const deployment = this.server.objects.get('Deployment/shop');
    if (deployment === undefined) throw new Error('there is no Deployment');
    const ready = hung === undefined ? 2 : 1;
    const status = {replicas: 2, updatedReplicas: 2, readyReplicas: ready, availableReplicas: 2};
    this.server.objects.set('Deployment/shop', Object.assign(deployment, {status}));
  }

  /** The pod template of the Deployment. */
  get template(): unknown {
    return (this.server.objects.get('Deployment/shop')?.['spec'] as {template?: unknown} | undefined)?.template;
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
    revision.metadata.annotations = {...revision.metadata.annotations, ...annotations};
  }

  #note(asked: Asked): void {
    const {verb, object} = asked;
    if (verb !== 'get') this.writes.push(`${verb} ${object}`);
    this.refuse(asked);
  }

  #apply(object: WritableObject, options: ApplyOptions): ApplyResult {
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
