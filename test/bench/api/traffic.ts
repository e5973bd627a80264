import {setTimeout as delay} from 'node:timers/promises';
import {Pool} from 'undici';

/** One request of the mix. */
export interface Wish {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

export interface Load {
  /** For example `http://127.0.0.1:8080`. */
  readonly origin: string;
  readonly token: string;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** The request with this number, from 0. */
  readonly wish: (index: number) => Wish;
}

/** What a load found. Latencies count from when a request was due, so that a stall delays all that were due in it. */
export interface Outcome {
  readonly sent: number;
  /** Milliseconds, of the requests that were answered as they should. */
  readonly latencies: readonly number[];
  /** Answers that are no success, by status; `0` for none at all. */
  readonly failures: ReadonlyMap<number, number>;
}

const CONNECTIONS = 32;
const ANSWER_TIMEOUT_MS = 10_000;
const TICK_MS = 1;

/** Sends at a fixed rate whatever the answers, over connections that are kept alive, and waits for the last answer. */
export async function openLoop({origin, token, rate, seconds, wish}: Load): Promise<Outcome> {
  const pool = new Pool(origin, {
    connections: CONNECTIONS,
    pipelining: 1,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
  });
  const authorization = `Bearer ${token}`;
  const reading = {authorization};
  const writing = {authorization, 'content-type': 'application/json'};
  const latencies: number[] = [];
  const failures = new Map<number, number>();
  const fail = (status: number): void => void failures.set(status, (failures.get(status) ?? 0) + 1);
  const send = async ({method, path, body}: Wish, due: number): Promise<void> => {
    try {
      const answer = await pool.request({
        method,
        path,
        ...(body === undefined ? {headers: reading} : {headers: writing, body}),
      });
      await answer.body.dump();
      if (answer.statusCode === (method === 'GET' ? 200 : 201)) latencies.push(performance.now() - due);
      else fail(answer.statusCode);
    } catch {
      // Whatever broke the connection, the client has no answer; the caller judges how many of these there may be.
      fail(0);
    }
  };
  const total = Math.round(rate * seconds);
  const underWay: Promise<void>[] = [];
  const begin = performance.now();
  for (let index = 0; index < total;) {
    const now = performance.now();
    for (; index < total && begin + (index * 1000) / rate <= now; index++) {
      underWay.push(send(wish(index), begin + (index * 1000) / rate));
    }
    await delay(TICK_MS);
  }
  await Promise.all(underWay);
  await pool.close();
  return {sent: total, latencies, failures};
}

/**
 * The mix of the figures: of ten requests seven read a task, two list twenty, one creates.
 *
 * @param ids - of tasks that exist
 */
export function mix(ids: readonly string[]): (index: number) => Wish {
  return (index) => {
    const kind = index % 10;
    if (kind === 9) return {method: 'POST', path: '/api/v1/tasks', body: NEW_TASK};
    if (kind === 3 || kind === 6) return {method: 'GET', path: '/api/v1/tasks?limit=20'};
    // A prime stride, so that neighbours in time are no neighbours in the table.
    return {method: 'GET', path: `/api/v1/tasks/${ids[(index * 7919) % ids.length] ?? ''}`};
  };
}

const NEW_TASK = JSON.stringify({title: 'Change the filter of pump 7', description: 'x'.repeat(200), status: 'open'});
