import {randomUUID} from 'node:crypto';
import {setTimeout as delay} from 'node:timers/promises';
import {Pool} from 'undici';

/** One request of the mix. */
export interface Wish {
  readonly method: 'GET' | 'POST' | 'PATCH';
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

export interface Saturation extends Omit<Load, 'rate'> {
  readonly connections: number;
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

/** Connections that are kept alive, and what came over them. */
class Client {
  readonly latencies: number[] = [];
  readonly failures = new Map<number, number>();
  readonly #pool: Pool;
  readonly #reading: Readonly<Record<string, string>>;
  readonly #writing: Readonly<Record<string, string>>;

  constructor({origin, token, connections}: {origin: string; token: string; connections: number}) {
    const timeouts = {headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS};
    this.#pool = new Pool(origin, {connections, pipelining: 1, ...timeouts});
    this.#reading = {authorization: `Bearer ${token}`};
    this.#writing = {...this.#reading, 'content-type': 'application/json'};
  }

  /** @param due - when the request should have been sent, by performance.now() */
  async send({method, path, body}: Wish, due: number): Promise<void> {
    try {
      const content = body === undefined ? {headers: this.#reading} : {headers: this.#writing, body};
      const answer = await this.#pool.request({method, path, ...content});
      await answer.body.dump();
      if (answer.statusCode === (method === 'POST' ? 201 : 200)) this.latencies.push(performance.now() - due);
      else this.#fail(answer.statusCode);
    } catch {
      // Whatever broke the connection, the client has no answer; the caller judges how many of these there may be.
      this.#fail(0);
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #fail(status: number): void {
    this.failures.set(status, (this.failures.get(status) ?? 0) + 1);
  }
}

/** Sends at a fixed rate whatever the answers, over connections that are kept alive, and waits for the last answer. */
export async function openLoop({origin, token, rate, seconds, wish}: Load): Promise<Outcome> {
  const client = new Client({origin, token, connections: CONNECTIONS});
  const total = Math.round(rate * seconds);
  const underWay: Promise<void>[] = [];
  const begin = performance.now();
  for (let index = 0; index < total;) {
    const now = performance.now();
    for (; index < total && begin + (index * 1000) / rate <= now; index++) {
      underWay.push(client.send(wish(index), begin + (index * 1000) / rate));
    }
    await delay(TICK_MS);
  }
  await Promise.all(underWay);
  await client.close();
  return {sent: total, latencies: client.latencies, failures: client.failures};
}

/** Keeps a number of connections busy for a time, each with one request after the other: what a server can at most. */
export async function closedLoop({origin, token, connections, seconds, wish}: Saturation): Promise<Outcome> {
  const client = new Client({origin, token, connections});
  let index = 0;
  const end = performance.now() + seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) await client.send(wish(index++), performance.now());
  };
  await Promise.all(Array.from({length: connections}, worker));
  await client.close();
  return {sent: index, latencies: client.latencies, failures: client.failures};
}

/**
 * The mix of the figures: of ten requests six read a task, two list twenty, one creates one with labels, one changes one.
 *
 * @param ids - of tasks that exist
 */
export function mix(ids: readonly string[]): (index: number) => Wish {
  // Another one each time: a patch that changes nothing is less work.
  const round = randomUUID();
  return (index) => {
    const kind = index % 10;
    if (kind === 9) return {method: 'POST', path: '/api/v1/tasks', body: NEW_TASK};
    if (kind === 3 || kind === 6) return {method: 'GET', path: '/api/v1/tasks?limit=20'};
    // A prime stride, so that neighbours in time are no neighbours in the table.
    const path = `/api/v1/tasks/${ids[(index * 7919) % ids.length] ?? ''}`;
    if (kind === 5)
      return {method: 'PATCH', path, body: JSON.stringify({title: `Pump ${index}, ${round}`, assignee: 'team-5'})};
    return {method: 'GET', path};
  };
}

const NEW_TASK = JSON.stringify({
  title: 'Change the filter of pump 7',
  description: 'x'.repeat(200),
  status: 'open',
  priority: 'high',
  dueAt: '2027-03-01T09:00:00+01:00',
  assignee: 'team-4',
  labels: ['pump', 'filter'],
});
