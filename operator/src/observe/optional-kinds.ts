import {definitionResource, optionalResources, type OptionalKind, type Presence} from '../api/v1alpha1/index.ts';
import {delay, Reflector, type KubeObject, type ResourceRef} from '../runtime/index.ts';
import {Kind, type CacheOptions, type ChildKind} from './kind.ts';
import {projectChild, type ChildProjection} from './projections.ts';

/** What is kept of a kind's definition. */
interface Definition {
  readonly served: boolean;
}

interface RawDefinition extends KubeObject {
  spec?: {versions?: {name: string; served: boolean}[]};
  status?: {conditions?: {type: string; status: string}[]};
}

interface Watched {
  readonly ref: ResourceRef;
  readonly definition: Reflector<Definition>;
  /** While the cluster has the kind. */
  objects: Kind<ChildProjection> | undefined;
}

/** A start isn't held up for longer by a definition that can't be read. */
const SETTLED_WITHIN_MS = 5_000;

/**
 * Kinds that a cluster may have or not: the definition of each is watched by its name, and its objects as soon as
 * the kind is there. At rest that costs nothing but watches.
 */
export class OptionalKinds {
  readonly #options: CacheOptions;
  readonly #onPresence: () => void;
  readonly #watched: ReadonlyMap<string, Watched>;
  /** Of kinds that went, until their reflectors have ended. */
  readonly #ending = new Set<Promise<unknown>>();

  /** @param onPresence - told when {@link presence} may be another one */
  constructor(options: CacheOptions, onPresence: () => void) {
    this.#options = options;
    this.#onPresence = onPresence;
    this.#watched = new Map(
      optionalResources.map((ref): [string, Watched] => {
        const watched: Watched = {ref, definition: this.#definition(ref), objects: undefined};
        watched.definition.addHandler((_key, _old, now) => {
          this.#follow(watched, now?.value.served === true);
        });
        return [ref.kind, watched];
      }),
    );
  }

  start(): void {
    for (const {definition} of this.#watched.values()) {
      definition.start();
      this.#tellAfter(definition.synced());
    }
  }

  async stop(): Promise<void> {
    const watched = [...this.#watched.values()];
    await Promise.all(watched.map(({definition}) => definition.stop()));
    for (const one of watched) this.#follow(one, false);
    await Promise.all(this.#ending);
  }

  /** Resolves once no presence is Unknown, or after a while: what can't be known must not keep the operator from its work. */
  async settled(): Promise<void> {
    const waiting = new AbortController();
    const known = async (watched: Watched): Promise<void> => {
      await watched.definition.synced(waiting.signal);
      await Promise.all(watched.objects?.reflectors.map((reflector) => reflector.synced(waiting.signal)) ?? []);
    };
    const late = delay(this.#options.clock, SETTLED_WITHIN_MS, waiting.signal);
    // One that gives up has been aborted here, and what it waited for stays Unknown.
    await Promise.race([Promise.allSettled([...this.#watched.values()].map(known)), late]);
    waiting.abort();
  }

  presence(): Readonly<Record<OptionalKind, Presence>> {
    return {
      PrometheusRule: this.#presenceOf('PrometheusRule'),
      PodMonitor: this.#presenceOf('PodMonitor'),
      HTTPRoute: this.#presenceOf('HTTPRoute'),
    };
  }

  /** The store of a kind's objects; undefined while the cluster doesn't have it, or not all of them are known. */
  child(kind: string): ChildKind | undefined {
    const objects = this.#watched.get(kind)?.objects;
    return objects?.hasSynced === true ? objects : undefined;
  }

  #presenceOf(kind: OptionalKind): Presence {
    const watched = this.#watched.get(kind);
    if (watched?.definition.hasSynced() !== true) return 'Unknown';
    if (watched.objects === undefined) return 'Absent';
    return watched.objects.hasSynced ? 'Served' : 'Unknown';
  }

  #definition(ref: ResourceRef): Reflector<Definition> {
    const [group = '', version = ''] = ref.apiVersion.split('/');
    const {client, clock, logger, metrics} = this.#options;
    return new Reflector<Definition>({
      ...{client, clock, logger, metrics},
      ref: definitionResource,
      fieldSelector: `metadata.name=${ref.plural}.${group}`,
      project: (object) => ({served: isServed(object, version)}),
    });
  }

  #follow(watched: Watched, served: boolean): void {
    const {objects} = watched;
    if (served === (objects !== undefined)) return;
    if (objects === undefined) {
      const appeared = new Kind(this.#options, watched.ref, projectChild);
      watched.objects = appeared;
      for (const reflector of appeared.reflectors) reflector.start();
      this.#tellAfter(Promise.all(appeared.reflectors.map((reflector) => reflector.synced())));
      return;
    }
    watched.objects = undefined;
    const ended = Promise.all(objects.reflectors.map((reflector) => reflector.stop()));
    this.#ending.add(ended);
    ended.then(
      () => this.#ending.delete(ended),
      (error: unknown) => {
        this.#options.logger.error({kind: watched.ref.kind, err: error}, 'A watch did not end in good order');
      },
    );
    this.#onPresence();
  }

  #tellAfter(synced: Promise<unknown>): void {
    synced.then(this.#onPresence, (error: unknown) => {
      this.#options.logger.error({err: error}, 'A watch of an optional kind failed');
    });
  }
}

/** Whether a definition's kind can be used in this version: established, and not on its way out. */
function isServed(object: KubeObject, version: string): boolean {
  const {metadata, spec, status} = object as RawDefinition;
  const established = status?.conditions?.some(
    (condition) => condition.type === 'Established' && condition.status === 'True',
  );
  const offered = spec?.versions?.some(({name, served}) => name === version && served);
  return metadata.deletionTimestamp === undefined && established === true && offered === true;
}
