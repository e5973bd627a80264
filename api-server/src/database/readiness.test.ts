import {EventEmitter} from 'node:events';
import {expect, test} from '@jest/globals';
import type {Connection, Connector} from './connect.ts';
import {DatabaseReadiness} from './readiness.ts';

/** A database that answers each probe as it is told, one after the other; the last answer holds. */
class FakeDatabase {
  readonly answers: boolean[];
  readonly #lastIsOut = Promise.withResolvers<undefined>();
  connections = 0;
  open = 0;

  constructor(...answers: boolean[]) {
    this.answers = answers;
  }

  readonly connect: Connector = () => {
    this.connections++;
    this.open++;
    const close = (): void => {
      this.open--;
    };
    const query = (): Promise<unknown> => {
      const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
      if (this.answers.length === 1) this.#lastIsOut.resolve(undefined);
      return answer === true ? Promise.resolve([]) : Promise.reject(new Error('lost'));
    };
    const end = (): Promise<void> => Promise.try(close);
    return Promise.resolve(Object.assign(new EventEmitter(), {query, destroy: close, end}) as unknown as Connection);
  };

  /** Resolves when the last answer but one was given. */
  get answered(): Promise<unknown> {
    return this.#lastIsOut.promise;
  }
}

test('tells why the last probe failed, until one is answered', async () => {
  const refused = Object.assign(new Error('denied'), {errno: 1045, sqlState: '28000'});
  let answers = false;
  const connection = Object.assign(new EventEmitter(), {
    query: () => Promise.resolve([]),
    destroy: () => undefined,
    end: () => Promise.resolve(),
  }) as unknown as Connection;
  let asked = Promise.withResolvers<undefined>();
  const readiness = new DatabaseReadiness({
    connect: () => (answers ? Promise.resolve(connection) : Promise.reject(refused)),
    intervalMs: 0,
    onChange: () => asked.resolve(undefined),
  });
  expect(readiness.failure).toBeUndefined();
  readiness.start();
  while (readiness.failure === undefined) await new Promise((resolve) => setImmediate(resolve));
  expect(readiness.failure).toBe('credentials');
  answers = true;
  await asked.promise;
  asked = Promise.withResolvers();
  expect(readiness.failure).toBeUndefined();
  await readiness.stop();
});

/** Probes until all was answered. @returns each change, with how many probes and connections it took */
async function changes(database: FakeDatabase): Promise<string[]> {
  const seen: string[] = [];
  const total = database.answers.length;
  const readiness = new DatabaseReadiness({
    connect: database.connect,
    intervalMs: 0,
    onChange: (ready, error) => {
      const what = ready ? 'ready' : (error as Error).message;
      seen.push(`${what} after ${String(total - database.answers.length)} on ${String(database.connections)}`);
    },
  });
  expect(readiness.ready).toBe(false);
  readiness.start();
  await database.answered;
  await readiness.stop();
  return seen;
}

test('is ready by the first answer, not by three misses in a row, and again by one answer', async () => {
  const database = new FakeDatabase(true, false, false, true, false, false, false, true, true);
  expect(await changes(database)).toEqual(['ready after 1 on 1', 'lost after 7 on 5', 'ready after 8 on 6']);
});

test('keeps a connection that answers, leaves one that missed, and has none open at its end', async () => {
  const database = new FakeDatabase(true, true, true, false, true, false, false, false, false);
  expect(await changes(database)).toEqual(['ready after 1 on 1', 'lost after 8 on 4']);
  expect(database.open).toBe(0);
});
