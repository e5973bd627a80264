import {describe, expect, test} from '@jest/globals';
import type {ResourceRef} from '../runtime/index.ts';
import {ownImage} from './own-image.ts';

function aServer(pod: object | undefined) {
  const asked: string[] = [];
  return {
    asked,
    get: async <T>({kind}: ResourceRef, namespace: string | undefined, name: string): Promise<T | undefined> => {
      asked.push(`${kind} ${namespace ?? ''}/${name}`);
      return pod as T | undefined;
    },
  };
}

describe("the operator's own image", () => {
  test("is its container's, whatever sidecars its pod has", async () => {
    const containers = [
      {name: 'proxy', image: 'mesh:1'},
      {name: 'manager', image: 'operator:2'},
    ];
    const server = aServer({spec: {containers}});
    expect(await ownImage(server, {namespace: 'system', podName: 'operator-0'})).toBe('operator:2');
    expect(server.asked).toEqual(['Pod system/operator-0']);
  });

  test('is not known outside of a cluster, where nobody is asked', async () => {
    const server = aServer(undefined);
    expect(await ownImage(server, {namespace: 'system', podName: undefined})).toBeUndefined();
    expect(server.asked).toEqual([]);
  });
});
