import {Agent, get, type IncomingMessage} from 'node:http';
import type {KubeClient} from '../runtime/index.ts';
import type {FetchMetrics} from './scraper.ts';

/** A pod's metrics are a few kB; more than this isn't one of ours and would only cost memory. */
const MAX_METRICS_BYTES = 1_000_000;

/** What a pod answered isn't metrics. Never holds what it said. */
class MetricsError extends Error {
  override readonly name = 'MetricsError';
}

/** Reads a pod by its IP: what the operator does in the cluster. */
export function fetchByIp(port: number): FetchMetrics {
  // A connection for each reading: one that is kept may be closed by the pod in the very moment in which it is used.
  const agent = new Agent({keepAlive: false});
  return async ({ip}, timeoutMs) => {
    const host = ip.includes(':') ? `[${ip}]` : ip;
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`http://${host}:${String(port)}/metrics`, {agent, signal}, resolve).once('error', reject);
    });
    try {
      return await textOf(answer);
    } finally {
      answer.destroy();
    }
  };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  if (answer.statusCode !== 200) throw new MetricsError(`the pod answered ${String(answer.statusCode)}`);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_METRICS_BYTES) throw new MetricsError('the metrics are too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Reads a pod through the API server: what the operator does from a laptop. */
export function fetchByProxy(client: Pick<KubeClient, 'podProxyGet'>, port: number): FetchMetrics {
  return async ({namespace, pod}, timeoutMs) => {
    const answer = await client.podProxyGet(namespace, pod, port, 'metrics', {timeoutMs, maxBytes: MAX_METRICS_BYTES});
    if (answer.status !== 200) throw new MetricsError(`the pod answered ${String(answer.status)}`);
    return answer.body;
  };
}
