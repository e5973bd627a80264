import type {KubeClient, KubeRequest} from '../../operator/src/runtime/index.ts';

/** Where an operator process ends (SIGKILL) or stops (SIGSTOP) itself. */
export interface CrashPoint {
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  /**
   * Regular expressions for `METHOD path body`, one answered request after the other: the signal comes with the answer to
   * the last. What follows it in the process doesn't happen any more, so a crash before a request is one after the
   * request before it.
   */
  readonly requests: readonly string[];
}

/** Any request that changes something. */
export const WRITE = '^(POST|PUT|PATCH|DELETE) ';

/** Puts a crash point into a client: a crash at a chosen instruction, which a signal from outside can't be. */
export function arm(client: KubeClient, {signal, requests}: CrashPoint): void {
  const expected = requests.map((pattern) => new RegExp(pattern));
  const send = client.request.bind(client);
  client.request = async <T>(request: KubeRequest): Promise<T> => {
    const answer = await send<T>(request);
    const next = expected[0];
    if (next?.test(`${request.method} ${request.path} ${JSON.stringify(request.body ?? {})}`) === true) {
      expected.shift();
      if (expected.length === 0) process.kill(process.pid, signal);
    }
    return answer;
  };
}
