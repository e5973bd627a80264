import type {KubeClient, RequestOptions} from './client.ts';
import {isApiError} from './errors.ts';
import type {Logger} from './logger.ts';
import {OpenApiSchemas} from './openapi.ts';
import {
  canonical,
  ownedFields,
  ownedHash,
  wantedFields,
  wantedHash,
  type Json,
  type JsonObject,
} from './owned-fields.ts';
import {keyOf, type KubeObject, type ResourceRef, type WritableObject} from './types.ts';

/** A field that was asked for and isn't so in the cluster. */
export interface Difference {
  /** Path as in `.spec.behavior.scaleUp.tolerance`. */
  readonly path: string;
  /**
   * Unknown: not in the server's schema. Dropped: the answer lacks it. Rewritten: the answer has another value. Added: a
   * default set within a field that is owned as a whole; the object should have said it.
   */
  readonly why: 'Unknown' | 'Dropped' | 'Rewritten' | 'Added';
}

/** Options of one application. */
export interface ApplyOptions extends RequestOptions {
  /** {@link ownedHash} of the live object, from the cache; undefined when the object isn't there. */
  owned?: string | undefined;
  /** The live object must still be this version, else the answer is Conflict. */
  resourceVersion?: string;
}

/** What an application came to. */
export interface ApplyResult {
  /** Whether what we own is another after than before. */
  readonly changed: boolean;
  /** The server's answer; undefined when no request was necessary. */
  readonly object: KubeObject | undefined;
  /** What of the object isn't in the cluster; also told when no request was necessary. */
  readonly differences: readonly Difference[];
}

/** Options of an applier. */
export interface ApplierOptions {
  client: Pick<KubeClient, 'patch' | 'request' | 'serverVersion'>;
  fieldManager: string;
  /** Every resource that is applied. */
  resources: readonly ResourceRef[];
  logger: Logger;
  /** Told of every write, to pass on to {@link Store.expect}. */
  onWrite?: (ref: ResourceRef, key: string, resourceVersion: string) => void;
}

/** An object that the server doesn't keep as it was applied. */
interface Settled {
  /** Hash of what was wanted. */
  readonly wanted: string;
  /** Hash of what the server made of it. */
  readonly live: string | undefined;
  readonly differences: readonly Difference[];
}

/** One object on its way. */
interface Task {
  readonly ref: ResourceRef;
  readonly id: string;
  readonly wanted: string;
  readonly owned: string | undefined;
  /** Of the live object, which must still be so. */
  readonly resourceVersion: string | undefined;
  readonly request: RequestOptions;
}

/**
 * Server-side apply with one field manager, always forced, and no request at all when what we own in the live object
 * equals what is wanted: for the server, an apply that changes nothing costs as much as a create.
 */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #refs: ReadonlyMap<string, ResourceRef>;
  readonly #schemas: OpenApiSchemas;
  /** By object; without it, what a server drops or rewrites would be applied for ever. */
  readonly #settled = new Map<string, Settled>();
  #serverVersion: string | undefined;
  #mustAskVersion = true;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#refs = new Map(options.resources.map((ref) => [`${ref.apiVersion} ${ref.kind}`, ref]));
    const kinds = options.resources.map(({kind}) => kind);
    this.#schemas = new OpenApiSchemas(options.client, kinds);
  }

  /**
   * Says that the server may be another version now: what is known of its schema, and of what it drops, is
   * checked before it is used again.
   */
  serverMayHaveChanged(): void {
    this.#mustAskVersion = true;
  }

  /** Makes the object so. @throws ApiError; Error when the kind isn't among the resources */
  async apply(object: WritableObject, options: ApplyOptions = {}): Promise<ApplyResult> {
    const {owned, resourceVersion, ...requestOptions} = options;
    const ref = this.#refOf(object);
    const wanted = wantedHash(object);
    if (wanted === owned) {
      return {changed: false, object: undefined, differences: []};
    }
    await this.#checkVersion();
    const id = `${object.apiVersion} ${object.kind} ${keyOf(object.metadata)}`;
    const settled = this.#settled.get(id);
    if (owned !== undefined && settled?.wanted === wanted && settled.live === owned) {
      return {changed: false, object: undefined, differences: settled.differences};
    }
    const task = {ref, id, wanted, owned, resourceVersion, request: requestOptions};
    if (this.#schemas.has(object.apiVersion)) {
      return this.#sendPruned(task, object);
    }
    try {
      return await this.#send(task, object, []);
    } catch (error) {
      // Only now is the schema asked for: it is large, and nearly every server knows all fields.
      if (!isUnknownField(error) || (await this.#schemas.prune(object)).unknown.length === 0) {
        throw error;
      }
      return this.#sendPruned(task, object);
    }
  }

  async #sendPruned(task: Task, object: WritableObject): Promise<ApplyResult> {
    const {object: pruned, unknown} = await this.#schemas.prune(object);
    const differences = unknown.map((path): Difference => ({path, why: 'Unknown'}));
    if (wantedHash(pruned) !== task.owned) {
      return this.#send(task, pruned, differences);
    }
    this.#settle(task, {live: task.owned, differences});
    return {changed: false, object: undefined, differences};
  }

  async #send(task: Task, object: WritableObject, unknown: readonly Difference[]): Promise<ApplyResult> {
    const {client, fieldManager} = this.#options;
    const {name, namespace} = object.metadata;
    const options = {...task.request, type: 'apply', fieldManager, force: true} as const;
    const {resourceVersion} = task;
    const body = resourceVersion === undefined ? object : withVersion(object, resourceVersion);
    const answer = await client.patch(task.ref, namespace, name, body, options);
    this.#tell(task.ref, answer);
    const live = ownedHash(answer, fieldManager);
    const differences = [...unknown, ...this.#differences(object, answer)];
    this.#settle(task, {live, differences});
    return {changed: live !== task.owned, object: answer, differences};
  }

  #tell(ref: ResourceRef, {metadata}: KubeObject): void {
    if (metadata.resourceVersion !== undefined) {
      this.#options.onWrite?.(ref, keyOf(metadata), metadata.resourceVersion);
    }
  }

  #differences(wanted: WritableObject, answer: KubeObject): Difference[] {
    const actual = ownedFields(answer, this.#options.fieldManager);
    return differencesOf(wantedFields(wanted), actual ?? {}, '');
  }

  #settle({id, wanted}: Task, {live, differences}: Omit<Settled, 'wanted'>): void {
    if (live === wanted) {
      this.#settled.delete(id);
      return;
    }
    this.#settled.set(id, {wanted, live, differences});
    this.#options.logger.warn({object: id, differences}, 'The server keeps an object otherwise');
  }

  async #checkVersion(): Promise<void> {
    if (!this.#mustAskVersion) {
      return;
    }
    const version = await this.#options.client.serverVersion();
    this.#mustAskVersion = false;
    if (version !== this.#serverVersion) {
      this.#serverVersion = version;
      this.#settled.clear();
      this.#schemas.clear();
    }
  }

  #refOf(object: WritableObject): ResourceRef {
    const ref = this.#refs.get(`${object.apiVersion} ${object.kind}`);
    if (ref === undefined) {
      throw new Error(`${object.apiVersion} ${object.kind} is not among the applier's resources`);
    }
    return ref;
  }
}

/** Paths at which the actual value isn't the wanted one. */
export function differencesOf(wanted: Json, actual: Json, path: string): Difference[] {
  if (Array.isArray(wanted) && Array.isArray(actual) && wanted.length === actual.length) {
    return wanted.flatMap((item, index) => differencesOf(item, actual[index] ?? null, `${path}[${index}]`));
  }
  if (isObject(wanted) && isObject(actual)) {
    return [...new Set([...Object.keys(wanted), ...Object.keys(actual)])].flatMap((name): Difference[] => {
      const [value, found] = [wanted[name], actual[name]];
      if (value === undefined) {
        return [{path: `${path}.${name}`, why: 'Added'}];
      }
      return found === undefined
        ? [{path: `${path}.${name}`, why: 'Dropped'}]
        : differencesOf(value, found, `${path}.${name}`);
    });
  }
  return canonical(wanted) === canonical(actual) ? [] : [{path, why: 'Rewritten'}];
}

/** The object as one that must still be of this version: the server refuses to apply it to another with a Conflict. */
function withVersion<O extends WritableObject>(object: O, resourceVersion: string): O {
  return {...object, metadata: {...object.metadata, resourceVersion}};
}

/** As the server answers an apply with a field that its schema lacks: HTTP 500, measured on 1.36. */
function isUnknownField(error: unknown): boolean {
  return isApiError(error, 'Other') && error.status === 500 && error.message.includes('field not declared in schema');
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
