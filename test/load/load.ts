/**
 * An open-loop client for the tasks API: it sends at a fixed rate whatever the answers, bounded in rate, count and time,
 * a new connection a request, and writes one line a request to standard output (the ledger):
 * `{"t":start ms,"s":HTTP status or 0,"e":"error code","ms":duration,"m":"POST","id":"acknowledged task"}`.
 *
 * Environment: TARGET (http://host[:port]), RATE (1–200 a second), SECONDS (1–1,800), TOKENS_FILE, WRITES (share of
 * POST among requests, 0–1).
 */
import {randomUUID} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {request} from 'node:http';

interface Entry {
  readonly t: number;
  readonly s: number;
  readonly ms: number;
  readonly m: 'GET' | 'POST';
  readonly e?: string;
  readonly id?: string;
}

const REQUEST_TIMEOUT_MS = 5_000;

function number(name: string, minimum: number, maximum: number): number {
  const value = Number(process.env[name]);
  if (!(value >= minimum && value <= maximum)) {
    throw new Error(`${name} must be a number between ${String(minimum)} and ${String(maximum)}`);
  }
  return value;
}

function token(): string {
  const file = process.env['TOKENS_FILE'] ?? '';
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((text) => text !== '' && !text.startsWith('#'));
  if (line === undefined) throw new Error(`${file} holds no token`);
  return line.slice(line.indexOf(':') + 1);
}

const target = new URL(process.env['TARGET'] ?? '');
const rate = number('RATE', 1, 200);
const seconds = number('SECONDS', 1, 1800);
const writes = number('WRITES', 0, 1);
const authorization = `Bearer ${token()}`;

function write(entry: Entry): void {
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}

function send(sequence: number): Promise<void> {
  // Every n-th request writes, so that the mix is the same in every run.
  const post = Math.floor((sequence + 1) * writes) > Math.floor(sequence * writes);
  const method = post ? 'POST' : 'GET';
  const body = post ? JSON.stringify({title: `Task ${String(sequence)}`}) : undefined;
  const t = Date.now();
  const headers: Record<string, string> = {authorization};
  if (body !== undefined) {
    headers['content-type'] = 'application/json';
    headers['idempotency-key'] = randomUUID();
    headers['content-length'] = String(Buffer.byteLength(body));
  }
  return new Promise((resolve) => {
    const finish = (s: number, more: {e?: string; id?: string}): void => {
      write({t, s, ms: Date.now() - t, m: method, ...more});
      resolve();
    };
    const outgoing = request(
      new URL('/api/v1/tasks?limit=5', target),
      {method, headers, agent: false, timeout: REQUEST_TIMEOUT_MS},
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('error', (error: NodeJS.ErrnoException) => {
          finish(0, {e: error.code ?? error.name});
        });
        answer.on('end', () => {
          const status = answer.statusCode ?? 0;
          const id = status === 201 ? (JSON.parse(text) as {id: string}).id : undefined;
          finish(status, id === undefined ? {} : {id});
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('timed out'), {code: 'ETIMEDOUT'})));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      finish(0, {e: error.code ?? error.name});
    });
    outgoing.end(body);
  });
}

async function main(): Promise<void> {
  const start = performance.now();
  const total = Math.floor(rate * seconds);
  const pending = new Set<Promise<void>>();
  for (let sequence = 0; sequence < total; sequence += 1) {
    const due = start + (sequence * 1000) / rate;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const sent = send(sequence);
    pending.add(sent);
    void sent.finally(() => pending.delete(sent));
  }
  await Promise.all(pending);
}

await main();
