import {labels, resources} from '../api/v1alpha1/index.ts';
import {
  Reflector,
  type Cached,
  type Clock,
  type KubeClient,
  type KubeObject,
  type Logger,
  type Metrics,
  type ResourceRef,
} from '../runtime/index.ts';
import type {ChildProjection} from './projections.ts';

export interface CacheOptions {
  readonly client: KubeClient;
  /** Namespaces to serve; empty = all. */
  readonly namespaces: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Told the key of the MaintenanceApi that a change concerns. */
  readonly onChange: (key: string) => void;
  /** Told whenever a watch was opened anew: the server may be another one since. */
  readonly onOpen: () => void;
}

/** A kind whose projection is at least a child's. */
export interface ChildKind {
  get(key: string): Cached<ChildProjection> | undefined;
  ownedBy(key: string): Cached<ChildProjection>[];
  expect(key: string, resourceVersion: string): void;
  fresh(key: string): boolean;
}

const byPeople: readonly ResourceRef[] = [resources.maintenanceApi, resources.maintenanceApiBackup];

/** One kind's reflectors, one a served namespace, read as one. */
export class Kind<T extends {readonly owner?: string | undefined}> {
  readonly reflectors: readonly Reflector<T>[];
  readonly #scopes: readonly (string | undefined)[];

  constructor(options: CacheOptions, ref: ResourceRef, project: (object: KubeObject) => T) {
    const scopes: (string | undefined)[] = options.namespaces.length === 0 ? [undefined] : [...options.namespaces];
    this.#scopes = scopes;
    this.reflectors = scopes.map((namespace) => {
      const reflector = new Reflector<T>({
        client: options.client,
        ref,
        ...(namespace === undefined ? {} : {namespace}),
        // People make these two, without our labels.
        ...(byPeople.includes(ref) ? {} : {labelSelector: labels.owner}),
        project,
        indexes: {
          owner: (value, key) => (value.owner === undefined ? [] : [`${key.split('/')[0] ?? ''}/${value.owner}`]),
        },
        clock: options.clock,
        logger: options.logger,
        metrics: options.metrics,
        ...(ref === resources.maintenanceApi ? {onOpen: options.onOpen} : {}),
      });
      reflector.addHandler((key, old, now) => {
        if (ref === resources.maintenanceApi) {
          options.onChange(key);
          return;
        }
        const owner = (now ?? old)?.value.owner;
        if (owner !== undefined) options.onChange(`${key.split('/')[0] ?? ''}/${owner}`);
      });
      return reflector;
    });
  }

  /** Whether every first list is in. */
  get hasSynced(): boolean {
    return this.reflectors.every((reflector) => reflector.hasSynced());
  }

  keys(): string[] {
    return this.reflectors.flatMap((reflector) => reflector.store.list().map(({key}) => key));
  }

  get(key: string): Cached<T> | undefined {
    for (const reflector of this.reflectors) {
      const found = reflector.store.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  ownedBy(key: string): Cached<T>[] {
    return this.reflectors.flatMap((reflector) => reflector.store.byIndex('owner', key));
  }

  expect(key: string, resourceVersion: string): void {
    const namespace = key.split('/')[0];
    for (const [index, reflector] of this.reflectors.entries()) {
      const scope = this.#scopes[index];
      if (scope === undefined || scope === namespace) reflector.store.expect(key, resourceVersion);
    }
  }

  fresh(key: string): boolean {
    return this.reflectors.every((reflector) => reflector.store.fresh(key));
  }
}
