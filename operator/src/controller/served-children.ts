import {resultOf, type ChildResult} from '../act/children.ts';
import {REPLICAS_HANDOVER_MANAGER, resources, revisionAnnotations, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {
  childNames,
  controllerRevision,
  databaseVersion,
  desiredObjects,
  replicasHandover,
  servedImage,
  UnknownRenderVersion,
  type DesiredInput,
  type KubeObject,
} from '../desired/index.ts';
import type {Cache} from '../observe/cache.ts';
import type {DeploymentProjection} from '../observe/projections.ts';
import {backupKeyOf} from './backups.ts';
import {hashOf, renderVersionOf} from './observation.ts';
import type {KnownRevision, MaintenanceApiControllerOptions, Scope} from './scope.ts';

/** A revision that is there and not in the cache will be seen by the watch; this is only the net below. */
const REVISION_EXISTS_MS = 10_000;
const REVISION_CREATED_MS = 50;

const NOTHING_OPTIONAL = {PrometheusRule: 'Absent', PodMonitor: 'Absent', HTTPRoute: 'Absent'} as const;

type Options = Pick<
  MaintenanceApiControllerOptions,
  'attempts' | 'backupImage' | 'cache' | 'children' | 'client' | 'guard' | 'namespace' | 'revisions'
>;

/** Brings the children to what a revision needs, and keeps the revisions themselves. */
export class ServedChildren {
  readonly #o: Options;

  constructor(options: Options) {
    this.#o = options;
  }

  /** Applies what the decision serves, and deletes what isn't wanted any more. */
  async apply(scope: Scope): Promise<readonly ChildResult[]> {
    const {api, key, decision, state} = scope;
    const deployment = this.#o.cache.deployments.get(key)?.value;
    const served = this.#revisionToServe(scope, decision.serve);
    // Pods that are there have their Secrets; new ones would wait for them.
    if (served === undefined || (state.secrets === undefined && deployment === undefined)) return [];
    const presence = this.#o.cache.presence();
    const render = (optional: DesiredInput['presence']): ReturnType<typeof rendered> =>
      rendered(api, () => desiredObjects({...this.#input(scope, served), presence: optional}));
    const wanted = render(presence);
    if ('refused' in wanted) return [wanted];
    const {touch} = state;
    const held = await this.#handOverReplicas(key, api, touch);
    if (held !== undefined) return [held];
    const action = childOfAction(decision, deployment);
    const applied = await this.#o.children.apply(api, wanted, {touch, action});
    // While it isn't known whether the cluster has a kind, what stands in for it stays.
    const kept = presence.PrometheusRule === 'Unknown' ? render(NOTHING_OPTIONAL) : [];
    const keep = 'refused' in kept ? wanted : [...wanted, ...kept];
    return [...applied, ...(await this.#o.children.removeUnwanted(api, keep, {touch}))];
  }

  /** @throws UnknownRenderVersion when the database was rendered by another operator than this one knows */
  #input({api, state, decision}: Scope, revision: DesiredInput['revision']): Omit<DesiredInput, 'presence'> {
    const {namespace, name} = api.metadata;
    const database = this.#o.cache.statefulSets.get(`${namespace}/${childNames(name).database}`)?.value;
    const rendered = database && {version: database.renderVersion, templateHash: database.templateHash};
    return {
      ...{api, revision, floor: floorOf(decision), operatorNamespace: this.#o.namespace},
      ...{backupImage: this.#o.backupImage, backupKey: backupKeyOf(api, state)},
      databaseVersion: databaseVersion(api, rendered, decision.upgradesDatabase),
    };
  }

  #revisionToServe({key, api, wanted}: Scope, hash: string | undefined): DesiredInput['revision'] | undefined {
    if (hash === undefined) return undefined;
    const stored = this.revisions(key, api).find((item) => hashOf(item) === hash)?.value.projection;
    const data = stored?.data ?? (wanted?.hash === hash ? wanted.data : undefined);
    if (data === undefined) return undefined;
    const image = servedImage({
      image: data.spec.image,
      imageId: stored?.annotations[revisionAnnotations.imageId],
      carried: this.#imagesOf(key, hash),
      rollback: wanted !== undefined && wanted.hash !== hash,
    });
    const restarted = stored?.annotations[revisionAnnotations.restarted];
    const renderVersion = stored === undefined ? data.renderVersion : renderVersionOf(stored);
    return {hash, data: {...data, renderVersion, spec: {...data.spec, image}}, restarted};
  }

  /** Images by which a revision is in a pod template already. */
  #imagesOf(key: string, hash: string): readonly (string | undefined)[] {
    const deployment = this.#o.cache.deployments.get(key)?.value;
    const sets = this.#o.cache.replicaSets.ownedBy(key).map((set) => set.value);
    return [
      ...(deployment?.revision === hash ? [deployment.image] : []),
      ...sets.filter(({revision, ready}) => revision === hash && ready > 0).map(({image}) => image),
    ];
  }

  /**
   * Before replicas are left to the autoscaler, another manager takes over what we own: dropping it would reset it.
   *
   * @returns that it was refused: then nothing may be dropped
   */
  async #handOverReplicas(key: string, api: MaintenanceApi, touch: string): Promise<ChildResult | undefined> {
    const deployment = this.#o.cache.deployments.get(key)?.value;
    const due = api.spec.replicas === undefined && deployment?.ownsReplicas === true && !deployment.replicasHeld;
    if (!due) return undefined;
    const {namespace, name} = api.metadata;
    const {kind} = resources.deployment;
    const object = replicasHandover(api, deployment.wanted);
    const attempt = {object: `${kind}/${name}/replicas`, wanted: 'held', live: undefined, touch};
    const result = await this.#o.attempts.make(key, attempt, async () =>
      this.#o.client.patch(resources.deployment, namespace, name, object, {
        ...{type: 'apply', fieldManager: REPLICAS_HANDOVER_MANAGER, force: true},
        beforeSend: this.#o.guard,
      }),
    );
    if (result.kind !== 'Done') return resultOf(kind, name, result);
    const version = result.value.metadata.resourceVersion;
    if (version !== undefined) this.#o.cache.noteWrite(key, kind, key, version);
    return undefined;
  }

  /** @returns revisions whose deletion is refused */
  async prune({key, api, decision, state}: Scope): Promise<ChildResult[]> {
    const results: ChildResult[] = [];
    for (const hash of decision.prune) {
      const revision = this.revisions(key, api).find((item) => hashOf(item) === hash);
      if (revision === undefined) continue;
      const result = await this.#o.revisions.remove(api, revision, state.touch);
      if (result.kind === 'Refused') results.push(resultOf('ControllerRevision', revision.name, result));
    }
    return results;
  }

  /** @returns milliseconds to wait for it where it had to be created, or that it was refused */
  async ensureRevision(
    key: string,
    api: MaintenanceApi,
    {touch, ...wanted}: KnownRevision & {readonly touch: string},
  ): Promise<number | ChildResult | undefined> {
    const known = this.revisions(key, api);
    if (known.some((item) => hashOf(item) === wanted.hash)) return undefined;
    const highest = Math.max(0, ...known.map((item) => item.value.projection?.revision ?? 0));
    const object = controllerRevision(api, {...wanted, revision: highest + 1});
    const result = await this.#o.revisions.create(api, object, touch);
    if (result.kind === 'Done') return result.value ? REVISION_CREATED_MS : REVISION_EXISTS_MS;
    return resultOf('ControllerRevision', object.metadata.name, result);
  }

  /** Revisions of this resource; those of a deleted one of its name go with it. */
  revisions(key: string, api: MaintenanceApi): ReturnType<Cache['revisions']['ownedBy']> {
    return this.#o.cache.revisions.ownedBy(key).filter((item) => item.owner?.uid === api.metadata.uid);
  }
}

function floorOf({floor}: Scope['decision']): number | undefined {
  return floor?.minReplicas;
}

/** The child by which the action under way is carried out, while it isn't yet. */
function childOfAction({action}: Scope['decision'], deployment: DeploymentProjection | undefined): string | undefined {
  switch (action?.kind) {
    case 'Rollback':
      return deployment?.revision === action.toRevision ? undefined : resources.deployment.kind;
    case 'ScaleUp':
      return action.state === 'Recorded' ? resources.horizontalPodAutoscaler.kind : undefined;
    case 'Restart':
    case undefined:
      return undefined;
  }
}

/** What is rendered, or that pods are of a generation of templates that this operator doesn't know. */
function rendered(
  {metadata: {name}}: MaintenanceApi,
  render: () => readonly KubeObject[],
): readonly KubeObject[] | ChildResult {
  try {
    return render();
  } catch (error) {
    if (!(error instanceof UnknownRenderVersion)) throw error;
    return resultOf(resources.deployment.kind, name, {kind: 'Refused', message: error.message});
  }
}
