import type {KubeObject, ResourceRef} from './types.ts';

export interface RequestOptions {
  /** Milliseconds for one attempt, from the call to the last byte of the answer; 5,000 unless told. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Called immediately before every attempt is sent; by throwing it keeps the request from being sent (invariant 14). */
  beforeSend?: () => void;
}

export interface KubeRequest extends RequestOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: unknown;
  contentType?: string;
}

export interface PatchOptions extends RequestOptions {
  /** `apply` is server-side apply and needs a field manager. */
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

export interface ListOptions extends RequestOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Objects per page; 500 unless told. */
  limit?: number;
}

export interface ListPage<T> {
  items: T[];
  resourceVersion: string;
}

export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion: string;
  /** After this many seconds the server ends the watch in good order. */
  timeoutSeconds: number;
  /** Ends the watch. */
  signal: AbortSignal;
  /** Called with the length of everything received, also what isn't a whole line yet. */
  onBytes?: (count: number) => void;
}

export interface PodResponse {
  status: number;
  contentType: string | undefined;
  body: string;
}

export interface KubeClientOptions {
  userAgent?: string;
  timeoutMs?: number;
}

/** What the client needs of client-node's KubeConfig (which satisfies it). */
export interface KubeConfigLike {
  getCurrentCluster(): {readonly server: string; readonly skipTLSVerify?: boolean; readonly proxyUrl?: string} | null;
  getCurrentUser(): {readonly name: string; readonly authProvider?: unknown} | null;
  applyToHTTPSOptions(options: object): Promise<void>;
}

export declare class KubeClient {
  static fromKubeConfig(config: KubeConfigLike, options?: KubeClientOptions): KubeClient;
  /** Sends one request and parses the answer's JSON. @throws ApiError */
  request<T>(request: KubeRequest): Promise<T>;
  /** Undefined when there is no such object. */
  get<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    options?: RequestOptions,
  ): Promise<T | undefined>;
  listPages<T = KubeObject>(ref: ResourceRef, options?: ListOptions): AsyncGenerator<ListPage<T>, void, undefined>;
  /** All pages at once; for small collections. */
  list<T = KubeObject>(ref: ResourceRef, options?: ListOptions): Promise<ListPage<T>>;
  create<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    body: object,
    options?: RequestOptions,
  ): Promise<T>;
  /** PUT; the body's resourceVersion is the precondition. */
  replace<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    body: object,
    options?: RequestOptions,
  ): Promise<T>;
  /** False when it was already gone. @throws ApiError of kind Conflict when another object has the name now. */
  delete(ref: ResourceRef, namespace: string | undefined, name: string, options: DeleteOptions): Promise<boolean>;
  patch<T = KubeObject>(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    body: unknown,
    options: PatchOptions,
  ): Promise<T>;
  /** Lines of a watch until the server ends it. @throws ApiError when it can't be opened or breaks. */
  watchLines(ref: ResourceRef, options: WatchOptions): AsyncGenerator<string, void, undefined>;
  /** GET through the API server's pod proxy. Resolves for every status the pod answers. */
  podProxyGet(
    namespace: string,
    pod: string,
    port: number,
    path: string,
    options?: RequestOptions & {maxBytes?: number},
  ): Promise<PodResponse>;
  /** The server's version as in `/version`, `v1.36.3`. */
  serverVersion(options?: RequestOptions): Promise<string>;
  /** Ends all connections; watches break. */
  close(): Promise<void>;
}
