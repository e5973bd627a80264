import {API_VERSION, maintenanceApiSpec, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {
  ApiError,
  errorKind,
  type DeleteOptions,
  type KubeObject,
  type KubeRequest,
  type PatchOptions,
  type RequestOptions,
  type ResourceRef,
} from '../runtime/index.ts';

/** A MaintenanceApi as the API server stores it. */
export function aMaintenanceApi(change: Partial<Omit<MaintenanceApi, 'spec' | 'kind'>> = {}): MaintenanceApi {
  return {
    apiVersion: API_VERSION,
    kind: 'MaintenanceApi',
    metadata: {
      name: 'shop',
      namespace: 'apis',
      uid: 'shop-uid',
      resourceVersion: '10',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: maintenanceApiSpec.parse({image: 'registry.example.com/api:1'}),
    ...change,
  };
}

/** An answer of the API server that isn't a success. */
export function anError(status: number, reason = '', fields: readonly string[] = []): ApiError {
  const kind = errorKind(status, reason);
  return new ApiError(`${String(status)} ${reason}`.trim(), {kind, status, reason, fields});
}

/** What a fake server was asked. */
export interface Asked {
  readonly verb: 'get' | 'create' | 'patch' | 'delete';
  readonly object: string;
  readonly body?: unknown;
  readonly options?: PatchOptions | DeleteOptions | RequestOptions | undefined;
}

type Stored = KubeObject & {data?: Record<string, string>};

/** The API server as far as these rooms use it: objects by `Kind/name`, with resourceVersions. */
export class FakeServer {
  readonly objects = new Map<string, Stored>();
  readonly asked: Asked[] = [];
  /** Throws instead of an answer; a function that throws nothing lets it pass. */
  refuse: (asked: Asked) => void = () => undefined;
  #version = 100;

  /** Requests in short, as in `create Secret/a`. */
  get log(): string[] {
    return this.asked.map(({verb, object}) => `${verb} ${object}`);
  }

  get<T>(ref: ResourceRef, _namespace: string | undefined, name: string): Promise<T | undefined> {
    const object = `${ref.kind}/${name}`;
    return Promise.try(() => {
      this.#ask({verb: 'get', object});
      return this.objects.get(object) as T | undefined;
    });
  }

  create<T>(ref: ResourceRef, _namespace: string | undefined, body: object, options: RequestOptions = {}): Promise<T> {
    const object = `${ref.kind}/${(body as Stored).metadata.name}`;
    return Promise.try(() => {
      this.#ask({verb: 'create', object, body, options});
      if (this.objects.has(object)) throw anError(409, 'AlreadyExists');
      return this.#store(object, body as Stored) as T;
    });
  }

  patch<T>(
    ref: ResourceRef,
    namespace: string | undefined,
    name: string,
    body: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const object = `${ref.kind}/${name}`;
    return Promise.try(() => {
      this.#ask({verb: 'patch', object, body, options});
      const made = {apiVersion: ref.apiVersion, kind: ref.kind, metadata: {name, namespace: namespace ?? ''}};
      return this.#store(object, patched(this.objects.get(object) ?? made, body, options)) as T;
    });
  }

  /** A request by its path, as in `POST pods/a/eviction`. */
  request<T>({method, path, body, ...options}: KubeRequest): Promise<T> {
    return Promise.try(() => {
      const object = path.split('/').slice(-3).join('/');
      this.#ask({verb: method === 'POST' ? 'create' : 'get', object, body, options});
      return {} as T;
    });
  }

  delete(ref: ResourceRef, _namespace: string | undefined, name: string, options: DeleteOptions): Promise<boolean> {
    const object = `${ref.kind}/${name}`;
    return Promise.try(() => {
      this.#ask({verb: 'delete', object, options});
      return this.objects.delete(object);
    });
  }

  #ask(asked: Asked): void {
    asked.options?.beforeSend?.();
    this.asked.push(asked);
    this.refuse(asked);
  }

  #store(object: string, value: Stored): Stored {
    const version = String(++this.#version);
    const uid = value.metadata.uid ?? `uid-of-${object}-${version}`;
    const stored = {...value, metadata: {...value.metadata, uid, resourceVersion: version}};
    this.objects.set(object, stored);
    return stored;
  }
}

/** An object after a patch, as far as these rooms patch. */
function patched(before: Stored, body: unknown, {type}: PatchOptions): Stored {
  if (Array.isArray(body)) {
    const [status] = (body as {path: string; value?: unknown}[]).filter(({path}) => path === '/status');
    return status === undefined ? before : {...before, status: status.value};
  }
  const {metadata, data, ...rest} = {metadata: {name: ''}, ...(body as Partial<Stored>)};
  const merged = {...before, ...rest, ...(data && {data: {...before.data, ...data}})};
  if (type === 'apply') return {...merged, metadata: {...before.metadata, ...metadata}};
  const annotations = Object.entries({...before.metadata.annotations, ...metadata.annotations});
  const kept = Object.fromEntries(annotations.filter(([, value]) => (value as string | null) !== null));
  const {ownerReferences} = metadata;
  return {...merged, metadata: {...before.metadata, annotations: kept, ...(ownerReferences && {ownerReferences})}};
}
