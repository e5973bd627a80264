import {systemClock, type Clock} from './clock.ts';
import {Credentials, type KubeConfigLike} from './credentials.ts';
import {ApiError, isApiError} from './errors.ts';
import {linesOf} from './lines.ts';
import type {Metrics} from './metrics.ts';
import {pathOf} from './paths.ts';
import {Sender, type KubeRequest, type RequestOptions} from './sender.ts';
import {errorOfAnswer, headerOf} from './status.ts';
import {Transport, readAll} from './transport.ts';
import type {KubeObject, ResourceRef} from './types.ts';

export type {KubeConfigLike} from './credentials.ts';
export type {KubeRequest, RequestOptions} from './sender.ts';

/** How to patch. */
export interface PatchOptions extends RequestOptions {
  /** `apply` is server-side apply and needs a field manager. A `merge` patch takes uid and resourceVersion in the body as preconditions. */
  type: 'merge' | 'json' | 'apply';
  fieldManager?: string;
  force?: boolean;
  subresource?: string;
  dryRun?: boolean;
}

/** A delete always names the object it means, so that a successor of the same name survives. */
export interface DeleteOptions extends RequestOptions {
  uid: string;
  resourceVersion?: string;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  gracePeriodSeconds?: number;
}

/** What to list. */
export interface ListOptions extends RequestOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Objects per page; 500 unless told. */
  limit?: number;
  /** Only apiVersion, kind and metadata of each object. */
  metadataOnly?: boolean;
}

/** Part of a list; every page of one list has the same resourceVersion. */
export interface ListPage<T> {
  items: T[];
  resourceVersion: string;
}

/** What to watch. */
export interface WatchOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Only what is newer. */
  resourceVersion: string;
  /** After this many seconds the server ends the watch in good order. */
  timeoutSeconds: number;
  /** Ends the watch. */
  signal: AbortSignal;
  /** Called when the watch is open. */
  onOpen?: () => void;
  /** Called with everything received, also what isn't a whole line yet. */
  onBytes?: (count: number) => void;
}

/** What a pod answered. */
export interface PodResponse {
  status: number;
  contentType: string | undefined;
  body: string;
}

/** Options of a client. */
export interface KubeClientOptions {
  userAgent?: string;
  /** Default of {@link RequestOptions.timeoutMs}. */
  timeoutMs?: number;
  clock?: Clock;
  metrics?: Metrics;
}

const DEFAULT_TIMEOUT_MS = 5_000;
/** A page of 500 large objects on a busy server takes longer than other requests. */
const LIST_TIMEOUT_MS = 30_000;
const WATCH_OPEN_TIMEOUT_MS = 15_000;
const DEFAULT_PAGE = 500;
const DEFAULT_POD_BYTES = 4 * 1024 * 1024;
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  // JSON is YAML; the server takes plain JSON under this name.
  apply: 'application/apply-patch+yaml',
} as const;

/**
 * A client for the Kubernetes API: raw JSON in and out, pooled connections, rotating credentials, typed errors.
 * Every method throws {@link ApiError} when the request failed.
 */
export class KubeClient {
  readonly #sender: Sender;
  readonly #transport: Transport;

  private constructor(sender: Sender, transport: Transport) {
    this.#sender = sender;
    this.#transport = transport;
  }

  /** A client with connections of its own. */
  static fromKubeConfig(config: KubeConfigLike, options: KubeClientOptions = {}): KubeClient {
    const {clock = systemClock, metrics, timeoutMs = DEFAULT_TIMEOUT_MS, userAgent = 'controller-runtime-ts'} = options;
    const transport = new Transport(clock, (host) => metrics?.connections.inc({host}));
    const credentials = new Credentials(config, clock);
    return new KubeClient(new Sender({credentials, transport, clock, metrics, userAgent, timeoutMs}), transport);
  }

  /** Sends one request and parses the answer's JSON. */
  async request<T>(request: KubeRequest): Promise<T> {
    const answer = await this.#sender.send(request);
    if (answer.status >= 300) {
      throw errorOfAnswer(request, answer);
    }
    return parse(request, answer.body) as T;
  }

  /** Undefined when there is no such object. */
  async get<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    options: RequestOptions = {},
  ): Promise<T | undefined> {
    try {
      return await this.request<T>({...options, method: 'GET', path: pathOf(ref, {namespace, name})});
    } catch (error) {
      if (isApiError(error, 'NotFound')) {
        return undefined;
      }
      throw error;
    }
  }

  /** A list page by page, as of one resourceVersion. @throws ApiError of kind Gone when it took too long: begin again */
  async *listPages<T = KubeObject>(
    ref: ResourceRef,
    options: ListOptions = {},
  ): AsyncGenerator<ListPage<T>, void, undefined> {
    const {namespace, labelSelector, fieldSelector, limit = DEFAULT_PAGE, metadataOnly, ...rest} = options;
    let token: string | undefined;
    do {
      const list = await this.request<{items?: T[] | null; metadata: {resourceVersion: string; continue?: string}}>({
        timeoutMs: LIST_TIMEOUT_MS,
        ...rest,
        method: 'GET',
        path: pathOf(ref, {namespace}),
        query: {labelSelector, fieldSelector, limit, continue: token},
        ...(metadataOnly === true && {accept: METADATA_LIST}),
      });
      yield {items: list.items ?? [], resourceVersion: list.metadata.resourceVersion};
      token = list.metadata.continue === '' ? undefined : list.metadata.continue;
    } while (token !== undefined);
  }

  /** All pages at once; for small collections. */
  async list<T = KubeObject>(ref: ResourceRef, options: ListOptions = {}): Promise<ListPage<T>> {
    const all: ListPage<T> = {items: [], resourceVersion: ''};
    for await (const page of this.listPages<T>(ref, options)) {
      all.items.push(...page.items);
      all.resourceVersion = page.resourceVersion;
    }
    return all;
  }

  /** POST of a new object. @throws ApiError of kind AlreadyExists */
  create<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    body: object,
    options: RequestOptions = {},
  ): Promise<T> {
    return this.request<T>({...options, method: 'POST', path: pathOf(ref, {namespace}), body});
  }

  /** PUT; the body's resourceVersion is the precondition. @throws ApiError of kind Conflict */
  replace<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    body: object,
    options: RequestOptions = {},
  ): Promise<T> {
    return this.request<T>({...options, method: 'PUT', path: pathOf(ref, {namespace, name}), body});
  }

  /** False when it was already gone. @throws ApiError of kind Conflict when another object has the name now */
  async delete(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions,
  ): Promise<boolean> {
    const {uid, resourceVersion, propagationPolicy = 'Background', gracePeriodSeconds, ...rest} = options;
    const preconditions = {uid, ...(resourceVersion !== undefined && {resourceVersion})};
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions,
      propagationPolicy,
      ...(gracePeriodSeconds !== undefined && {gracePeriodSeconds}),
    };
    try {
      await this.request<unknown>({...rest, method: 'DELETE', path: pathOf(ref, {namespace, name}), body});
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) {
        return false;
      }
      throw error;
    }
  }

  /** Patches an object or a subresource of it. */
  patch<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    body: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const {type, fieldManager, force, subresource, dryRun, ...rest} = options;
    return this.request<T>({
      ...rest,
      method: 'PATCH',
      path: pathOf(ref, {namespace, name, subresource}),
      query: {fieldManager, force, dryRun: dryRun === true ? 'All' : undefined},
      body,
      contentType: PATCH_TYPES[type],
    });
  }

  /** Lines of a watch until the server ends it. @throws ApiError when it can't be opened, breaks or is aborted */
  async *watchLines(ref: ResourceRef, options: WatchOptions): AsyncGenerator<string, void, undefined> {
    const {namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal} = options;
    const request: KubeRequest = {
      method: 'GET',
      path: pathOf(ref, {namespace}),
      query: {watch: 1, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, labelSelector, fieldSelector},
      timeoutMs: WATCH_OPEN_TIMEOUT_MS,
      signal,
    };
    const answer = await this.#sender.stream(request);
    if (answer.status !== 200) {
      throw errorOfAnswer(request, {...answer, body: await readAll(answer.body)});
    }
    options.onOpen?.();
    yield* linesOf(answer.body, options.onBytes);
  }

  /** GET through the API server's pod proxy. Resolves for every status the pod answers. */
  async podProxyGet(
    namespace: string,
    pod: string,
    port: number,
    path: string,
    options: RequestOptions & {maxBytes?: number} = {},
  ): Promise<PodResponse> {
    const base = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}:${port}/proxy`;
    const request: KubeRequest = {
      maxBytes: DEFAULT_POD_BYTES,
      ...options,
      pool: 'pods',
      method: 'GET',
      path: `${base}/${path.replace(/^\//, '')}`,
    };
    const answer = await this.#sender.send(request);
    const failure = answer.status >= 400 ? errorOfAnswer(request, answer) : undefined;
    // A Status is the API server's own word that it couldn't reach the pod. A pod that forges one harms only itself.
    if (failure !== undefined && failure.reason !== '') {
      throw failure;
    }
    const contentType = headerOf(answer, 'content-type');
    return {status: answer.status, contentType, body: answer.body.toString('utf8')};
  }

  /** The server's version as in `/version`: `v1.36.3`. */
  async serverVersion(options: RequestOptions = {}): Promise<string> {
    const version = await this.request<{gitVersion: string}>({...options, method: 'GET', path: '/version'});
    return version.gitVersion;
  }

  /** Ends all connections and resolves when they are gone; watches break, requests under way fail. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}

function parse(request: KubeRequest, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    const message = `${request.method} ${request.path}: the answer is not JSON`;
    throw new ApiError(message, {kind: 'Network', status: 0, reason: 'BadBody'});
  }
}
