import {EventEmitter} from 'node:events';
import {describe, expect, test} from '@jest/globals';
import type {Connection} from './connect.ts';
import {DatabaseReadiness} from './readiness.ts';

/** Runs probes that are answered, or not, as told, and gives what the pod was before each and after the last. */
async function readinessOver(answers: readonly boolean[]): Promise<{ready: boolean[]; changes: boolean[]}> {
  const ready: boolean[] = [];
  const changes: boolean[] = [];
  const left = [...answers];
  let done = (): void => undefined;
  const finished = new Promise<void>((resolve) => (done = resolve));
  const query = async (): Promise<void> => {
    ready.push(readiness.ready);
    const answer = left.shift();
    if (answer === undefined) done();
    if (answer !== true) throw new Error('no answer');
  };
  const connect = async (): Promise<Connection> =>
    Object.assign(new EventEmitter(), {query, destroy: () => undefined, end: async () => undefined}) as never;
  const readiness = new DatabaseReadiness({connect, intervalMs: 0, onChange: (now) => void changes.push(now)});
  expect(readiness.ready).toBe(false);
  readiness.start();
  await finished;
  await readiness.stop();
  return {ready: ready.slice(1), changes};
}

describe('readiness', () => {
  test('comes with the first answer', async () => {
    expect((await readinessOver([false, false, true])).ready).toEqual([false, false, true]);
  });

  test('outlasts two misses, goes with the third, and comes back with one answer', async () => {
    const {ready, changes} = await readinessOver([true, false, false, true, false, false, false, false, true]);
    expect(ready).toEqual([true, true, true, true, true, true, false, false, true]);
    expect(changes).toEqual([true, false, true]);
  });
});
