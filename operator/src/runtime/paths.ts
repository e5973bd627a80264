import type {ResourceRef} from './types.ts';

/** What a path points at, below its resource. */
export interface PathTarget {
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
}

/**
 * Path of a resource, an object or a subresource on the API server.
 * @throws Error when an object of a namespaced resource is named without its namespace
 */
export function pathOf(ref: ResourceRef, target: PathTarget = {}): string {
  const {namespace, name, subresource} = target;
  if (ref.namespaced && name !== undefined && namespace === undefined) {
    throw new Error(`${ref.kind} ${name} needs a namespace`);
  }
  const segments = ref.apiVersion.includes('/') ? ['apis', ...ref.apiVersion.split('/')] : ['api', ref.apiVersion];
  if (ref.namespaced && namespace !== undefined) {
    segments.push('namespaces', namespace);
  }
  segments.push(ref.plural);
  if (name !== undefined) {
    segments.push(name);
  }
  if (subresource !== undefined) {
    segments.push(subresource);
  }
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `?a=b&c=d`, or nothing. */
export function queryString(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) {
      parameters.set(name, String(value));
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
