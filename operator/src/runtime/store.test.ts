import {describe, expect, test} from '@jest/globals';
import {missedKeys} from './comparison.ts';
import {ObjectStore, type Cached} from './store.ts';

function cached(key: string, resourceVersion: string, extra: Partial<Cached<string[]>> = {}): Cached<string[]> {
  return {
    key,
    namespace: undefined,
    name: key,
    uid: `uid-${key}`,
    resourceVersion,
    owner: undefined,
    value: [],
    ...extra,
  };
}

const owner = (uid: string) => ({kind: 'Owner', name: 'o', uid});

describe('indexes', () => {
  test('follow every change', () => {
    const store = new ObjectStore<string[]>({color: (value) => value});
    store.put(cached('a', '1', {owner: owner('o1'), value: ['red', 'blue']}));
    store.put(cached('b', '2', {owner: owner('o1'), value: ['red']}));
    const keys = (objects: Cached<string[]>[]): string[] => objects.map(({key}) => key);
    expect(keys(store.byOwner('o1'))).toEqual(['a', 'b']);
    expect(keys(store.byIndex('color', 'red'))).toEqual(['a', 'b']);

    store.put(cached('a', '3', {owner: owner('o2'), value: ['blue']}));
    expect(keys(store.byOwner('o1'))).toEqual(['b']);
    expect(keys(store.byOwner('o2'))).toEqual(['a']);
    expect(keys(store.byIndex('color', 'red'))).toEqual(['b']);

    expect(store.remove('b')?.resourceVersion).toBe('2');
    expect(store.byOwner('o1')).toEqual([]);
    expect(store.byIndex('color', 'red')).toEqual([]);
    expect(store.remove('b')).toBeUndefined();
    expect(store.size).toBe(1);
  });

  test('siblings share their owner, as long as there is one', () => {
    const store = new ObjectStore<string[]>();
    expect(store.knownOwner('o1')).toBeUndefined();
    const shared = owner('o1');
    store.put(cached('a', '1', {owner: shared}));
    expect(store.knownOwner('o1')).toBe(shared);
    store.remove('a');
    expect(store.knownOwner('o1')).toBeUndefined();
  });

  test('an index that does not exist is a mistake of the caller', () => {
    expect(() => new ObjectStore().byIndex('nope', 'x')).toThrow('There is no index nope');
  });
});

describe('read your writes', () => {
  test('a write is unseen until the object or the resource has come so far', () => {
    const store = new ObjectStore<string[]>();
    store.put(cached('a', '5'));
    store.advance('5');
    expect(store.fresh('a')).toBe(true);
    store.expect('a', '7');
    expect(store.fresh('a')).toBe(false);
    expect(store.fresh('b')).toBe(true);
    store.put(cached('a', '6'));
    store.advance('6');
    expect(store.fresh('a')).toBe(false);
    store.put(cached('a', '7'));
    expect(store.fresh('a')).toBe(true);
  });

  test('a later event or bookmark of the resource will do: the object may have gone since', () => {
    const store = new ObjectStore<string[]>();
    store.expect('a', '7');
    expect(store.fresh('a')).toBe(false);
    store.advance('8');
    expect(store.fresh('a')).toBe(true);
  });

  test('of several writes the newest counts, in whatever order they are told', () => {
    const store = new ObjectStore<string[]>();
    store.expect('a', '9');
    store.expect('a', '7');
    store.advance('8');
    expect(store.fresh('a')).toBe(false);
    store.advance('9');
    expect(store.fresh('a')).toBe(true);
  });

  test('a deletion is unseen until the object has gone, is another, or is marked', () => {
    for (const after of ['gone', 'other', 'marked']) {
      const store = new ObjectStore<string[]>();
      store.put(cached('a', '5'));
      store.expectGone('a', 'uid-a');
      store.advance('9');
      expect(store.fresh('a')).toBe(false);
      if (after === 'gone') {
        store.remove('a');
      } else {
        store.put(cached('a', '6', after === 'other' ? {uid: 'new'} : {}));
      }
      expect(store.fresh('a')).toBe(true);
    }
  });

  test('a deletion of what the store never had is seen', () => {
    const store = new ObjectStore<string[]>();
    store.expectGone('a', 'uid-a');
    expect(store.fresh('a')).toBe(true);
  });

  test('a list asked for after a write has seen it, even if versions were set back', () => {
    const store = new ObjectStore<string[]>();
    store.expect('before', '1000');
    const moment = store.moment();
    store.expect('meanwhile', '1000');
    store.advance('3');
    store.settleBefore(moment);
    expect(store.fresh('before')).toBe(true);
    expect(store.fresh('meanwhile')).toBe(false);
  });

  test('atLeast answers for any version', () => {
    const store = new ObjectStore<string[]>();
    expect(store.atLeast('a', '1')).toBe(false);
    store.put(cached('a', '5'));
    expect(store.atLeast('a', '5')).toBe(true);
    expect(store.atLeast('a', '6')).toBe(false);
  });
});

describe('comparing with a list', () => {
  const store = new ObjectStore<string[]>();
  store.put(cached('same', '5'));
  store.put(cached('newer-here', '9'));
  store.put(cached('older-here', '5'));
  store.put(cached('gone-there', '5'));
  store.put(cached('created-after-the-list', '12'));

  test('finds what the store lacks, has older, or has still; not what it has newer', () => {
    const objects = new Map([
      ['same', '5'],
      ['newer-here', '8'],
      ['older-here', '6'],
      ['lacking', '7'],
    ]);
    expect([...missedKeys(store, {objects, version: '10'})].sort()).toEqual(['gone-there', 'lacking', 'older-here']);
  });
});
