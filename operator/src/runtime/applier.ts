import type {KubeClient, RequestOptions} from './client.ts';
import type {Logger} from './logger.ts';
import type {KubeObject, ResourceRef, WritableObject} from './types.ts';

/** A field that was asked for and isn't in the cluster. */
export interface Difference {
  /** Path as in `.spec.behavior.scaleUp.tolerance`. */
  path: string;
  /** Unknown: not in the server's schema. Dropped: the answer lacks it. Rewritten: the answer has another value. */
  why: 'Unknown' | 'Dropped' | 'Rewritten';
}

export interface ApplyOptions extends RequestOptions {
  /** {@link ownedHash} of the live object from the cache; undefined when the object isn't there. */
  owned?: string | undefined;
}

export interface ApplyResult {
  /** Whether the object is another one after than before. */
  changed: boolean;
  /** Whether a request was sent at all. */
  sent: boolean;
  /** The server's answer; undefined when no request was necessary. */
  object: KubeObject | undefined;
  differences: readonly Difference[];
}

export interface ApplierOptions {
  client: KubeClient;
  fieldManager: string;
  /** Every resource that is applied. */
  resources: readonly ResourceRef[];
  logger: Logger;
  /** Told of every write, to pass on to {@link Store.expect}. */
  onWrite?: (ref: ResourceRef, key: string, resourceVersion: string) => void;
}

export declare class Applier {
  constructor(options: ApplierOptions);
  apply(object: WritableObject, options?: ApplyOptions): Promise<ApplyResult>;
}
