/** A manifest as it is applied. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {name: string; namespace?: string; labels?: Record<string, string>};
  [field: string]: unknown;
}
