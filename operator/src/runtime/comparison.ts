import type {ObjectStore} from './store.ts';
import {atLeastVersion} from './types.ts';

/** A list: resourceVersion of each object by key, and of the list itself. */
export interface Seen {
  readonly objects: Map<string, string>;
  version: string;
}

/**
 * Keys of which a store knows less than a list did. What the store has newer is no difference; an object that is in the
 * store alone counts only if the list was taken after it.
 */
export function missedKeys(store: Pick<ObjectStore<unknown>, 'get' | 'list'>, seen: Seen): Set<string> {
  const missed = new Set<string>();
  for (const [key, version] of seen.objects) {
    const stored = store.get(key);
    if (stored === undefined || !atLeastVersion(stored.resourceVersion, version)) {
      missed.add(key);
    }
  }
  for (const {key, resourceVersion} of store.list()) {
    if (!seen.objects.has(key) && atLeastVersion(seen.version, resourceVersion)) {
      missed.add(key);
    }
  }
  return missed;
}
