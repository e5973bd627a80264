import {EventEmitter} from 'node:events';
import {describe, expect, jest, test} from '@jest/globals';
import {withDeadline} from './deadline.ts';
import {classify, DatabaseUnavailableError, leavesConnectionUsable, OverloadedError} from './errors.ts';
import {Pool} from './pool.ts';

class FakeConnection extends EventEmitter {
  open = true;
  destroy(): void {
    this.open = false;
  }
  async end(): Promise<void> {
    this.open = false;
  }
}

interface TestPool {
  readonly pool: Pool<FakeConnection>;
  readonly opened: FakeConnection[];
  /** Rejections for the next attempts to connect. */
  readonly failures: Error[];
}

function createPool({size = 2, queueLimit = 2, waitMs = 10_000} = {}): TestPool {
  const opened: FakeConnection[] = [];
  const failures: Error[] = [];
  const connect = async (): Promise<FakeConnection> => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    const connection = new FakeConnection();
    opened.push(connection);
    return connection;
  };
  return {pool: new Pool({connect, size, queueLimit, waitMs}), opened, failures};
}

describe('the pool', () => {
  test('lends what came back before it opens another', async () => {
    const {pool, opened} = createPool();
    const first = await pool.acquire();
    pool.release(first);
    expect(await pool.acquire()).toBe(first);
    expect(opened).toHaveLength(1);
  });

  test('lends one that suits, and another one rather than none', async () => {
    const {pool, opened} = createPool();
    const [first, second] = [await pool.acquire(), await pool.acquire()];
    pool.release(first);
    pool.release(second);
    const suits = (connection: FakeConnection): boolean => connection === first;
    expect(await pool.acquire(suits)).toBe(first);
    expect(await pool.acquire(suits)).toBe(second);
    expect(opened).toHaveLength(2);
  });

  test('never opens more than its size, and hands over in order', async () => {
    const {pool, opened} = createPool({size: 1});
    const first = await pool.acquire();
    const order: string[] = [];
    const waiting = ['a', 'b'].map((name) => pool.acquire().then((connection) => (order.push(name), connection)));
    expect(pool.states()).toEqual({idle: 0, used: 1, connecting: 0, pending: 2});
    pool.release(first);
    pool.release((await waiting[0]) as FakeConnection);
    pool.release((await waiting[1]) as FakeConnection);
    expect(order).toEqual(['a', 'b']);
    expect(opened).toHaveLength(1);
    expect(pool.states()).toEqual({idle: 1, used: 0, connecting: 0, pending: 0});
  });

  test('counts the ones being opened', async () => {
    const {pool, opened} = createPool({size: 2});
    const lent = [pool.acquire(), pool.acquire(), pool.acquire()];
    expect(pool.states()).toEqual({idle: 0, used: 0, connecting: 2, pending: 1});
    pool.release((await lent[0]) as FakeConnection);
    await Promise.all(lent);
    expect(opened).toHaveLength(2);
  });

  test('refuses at once when too many wait', async () => {
    const {pool} = createPool({size: 1, queueLimit: 1});
    const first = await pool.acquire();
    const second = pool.acquire();
    await expect(pool.acquire()).rejects.toThrow(OverloadedError);
    pool.release(first);
    await expect(second).resolves.toBe(first);
  });

  test('refuses after the longest wait, and then owes nothing', async () => {
    const {pool} = createPool({size: 1, waitMs: 1});
    const first = await pool.acquire();
    await expect(pool.acquire()).rejects.toThrow(OverloadedError);
    pool.release(first);
    expect(pool.states()).toEqual({idle: 1, used: 0, connecting: 0, pending: 0});
  });

  test('replaces a discarded connection for whoever waits', async () => {
    const {pool, opened} = createPool({size: 1});
    const first = await pool.acquire();
    const second = pool.acquire();
    pool.discard(first);
    expect(await second).toBe(opened[1]);
    expect(first.open).toBe(false);
  });

  test.each(['error', 'end'])('forgets an idle connection on %s', async (event) => {
    const {pool} = createPool();
    const first = await pool.acquire();
    pool.release(first);
    first.emit(event);
    expect(await pool.acquire()).not.toBe(first);
  });

  test('does not take back a connection that was lost while it was lent', async () => {
    const {pool} = createPool({size: 1});
    const first = await pool.acquire();
    first.emit('end');
    const second = await pool.acquire();
    pool.release(first);
    pool.release(second);
    expect(pool.states().idle).toBe(1);
    expect(await pool.acquire()).toBe(second);
  });

  test('passes a failure to connect on, and lets the next one try', async () => {
    const {pool, failures} = createPool({size: 1});
    failures.push(new Error('refused'));
    const [first, second] = [pool.acquire(), pool.acquire()];
    await expect(first).rejects.toThrow('refused');
    await expect(second).resolves.toBeInstanceOf(FakeConnection);
  });

  test('gives every waiter the failure while nothing can be opened', async () => {
    const {pool, failures} = createPool({size: 1, queueLimit: 5});
    failures.push(...Array.from({length: 4}, () => new Error('refused')));
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => pool.acquire()));
    expect(results.map(({status}) => status)).toEqual([...Array<string>(4).fill('rejected'), 'fulfilled']);
    expect(pool.states()).toEqual({idle: 0, used: 1, connecting: 0, pending: 0});
  });

  test('closes when what was lent has come back, and lends no more', async () => {
    const {pool} = createPool();
    const [idle, used] = [await pool.acquire(), await pool.acquire()];
    pool.release(idle);
    let closed = false;
    const closing = pool.close().then(() => (closed = true));
    await expect(pool.acquire()).rejects.toThrow(DatabaseUnavailableError);
    expect([idle.open, used.open, closed]).toEqual([false, true, false]);
    pool.release(used);
    await closing;
    expect(used.open).toBe(false);
  });
});

describe('a deadline', () => {
  test('ends the wait for an answer that never comes', async () => {
    const never = new Promise<void>(() => undefined);
    await expect(withDeadline(never, 1, 'asking')).rejects.toThrow('No answer from the database within 1 ms, asking');
  });

  test('leaves no timer behind', async () => {
    jest.useFakeTimers();
    try {
      await expect(withDeadline(Promise.resolve(5), 1000, '')).resolves.toBe(5);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('errors', () => {
  const serverError = (errno: number): Error => Object.assign(new Error('server'), {errno, sqlState: 'HY000'});

  test.each([
    ['too many connections', serverError(1040), OverloadedError, true],
    ['a deadlock', serverError(1213), OverloadedError, true],
    ['a server that stops', serverError(1053), DatabaseUnavailableError, false],
    ['a password that is being rotated', serverError(1045), DatabaseUnavailableError, false],
    ['a lost connection', Object.assign(new Error('lost'), {fatal: true}), DatabaseUnavailableError, false],
    ['a refused connection', Object.assign(new Error(''), {syscall: 'connect'}), DatabaseUnavailableError, false],
    [
      'a closed one',
      new Error("Can't add new command when connection is in closed state"),
      DatabaseUnavailableError,
      false,
    ],
  ])('%s', (_what, error, kind, usable) => {
    expect(classify(error)).toBeInstanceOf(kind);
    expect((classify(error) as Error).cause).toBe(error);
    expect(leavesConnectionUsable(error)).toBe(usable);
  });

  test.each([
    ['of a statement', serverError(1062), true],
    ['of our own', new TypeError('x is not a function'), false],
  ])('%s stay as they are', (_what, error, usable) => {
    expect(classify(error)).toBe(error);
    expect(leavesConnectionUsable(error)).toBe(usable);
  });
});
