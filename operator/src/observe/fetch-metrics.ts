import {request} from 'undici';
import type {KubeClient} from '../runtime/index.ts';
import type {FetchMetrics} from './scraper.ts';

/** A pod's metrics are a few kB; more than this isn't one of ours and would only cost memory. */
const MAX_METRICS_BYTES = 1_000_000;

/** Reads a pod by its IP: what the operator does in the cluster. */
export const fetchByIp =
  (port: number): FetchMetrics =>
  async ({ip}, timeoutMs) => {
    const host = ip.includes(':') ? `[${ip}]` : ip;
    const answer = await request(`http://${host}:${String(port)}/metrics`, {signal: AbortSignal.timeout(timeoutMs)});
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw new Error(`the pod answered ${String(answer.statusCode)}`);
    }
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_METRICS_BYTES) throw new Error('the metrics are too large');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  };

/** Reads a pod through the API server: what the operator does from a laptop. */
export const fetchByProxy =
  (client: KubeClient, port: number): FetchMetrics =>
  async ({namespace, pod}, timeoutMs) => {
    const answer = await client.podProxyGet(namespace, pod, port, 'metrics', {timeoutMs, maxBytes: MAX_METRICS_BYTES});
    if (answer.status !== 200) throw new Error(`the pod answered ${String(answer.status)}`);
    return answer.body;
  };
