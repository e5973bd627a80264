import type {KubeObject, WritableObject} from './types.ts';

/** Hash of what `manager` owns by server-side apply in a live object; undefined when it owns nothing. For projections. */
export declare function ownedHash(live: KubeObject, manager: string): string | undefined;

/** The same hash of an object about to be applied: equal = applying it would change nothing. */
export declare function wantedHash(wanted: WritableObject): string;
