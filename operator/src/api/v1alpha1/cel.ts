/** A rule in the Common Expression Language that the API server holds an object to (KEP-2876). */
export interface CelRule {
  /** True for what is admitted; one that names `oldSelf` is tried on updates only. */
  readonly rule: string;
  /** What must be so, for the person whose object was refused. */
  readonly message: string;
}

/** Metadata for a zod schema that carries rules into the generated CRD. Zod's own `parse` doesn't evaluate them. */
export function rules(...all: readonly CelRule[]): {'x-kubernetes-validations': readonly CelRule[]} {
  return {'x-kubernetes-validations': all};
}

/** Metadata for a list whose items are told apart by these fields: no two may agree in all of them. */
export function mapList(...keys: readonly string[]): Record<string, unknown> {
  return {'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys};
}

/** Metadata for a list that is replaced as a whole. */
export const atomicList = {'x-kubernetes-list-type': 'atomic'} as const;
