import {Agent, request, type IncomingMessage} from 'node:http';
import {connect} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import type {ApiProcess} from './support.ts';

/** How long endpoints lag behind a pod's readiness; in a cluster it is a probe's period and more. */
const PROBE_PERIOD_MS = 400;
const THINK_MS = 3;

/**
 * Clients of a Service with several pods. As in a cluster, a new connection goes to any pod that the endpoints list, the
 * endpoints follow readiness with a delay, and a connection that is kept alive stays with its pod.
 */
export class ServiceClients {
  readonly failures: string[] = [];
  succeeded = 0;
  readonly #token: string;
  readonly #endpoints = new Set<ApiProcess>();
  readonly #loops: Promise<void>[] = [];
  #running = true;

  constructor(token: string, clients: number) {
    this.#token = token;
    for (let i = 0; i < clients; i++) this.#loops.push(this.#client(i));
  }

  /** Adds a pod, which gets traffic whenever its readiness probe passes. */
  add(pod: ApiProcess): void {
    this.#loops.push(this.#probe(pod));
  }

  has(pod: ApiProcess): boolean {
    return this.#endpoints.has(pod);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
  }

  async #probe(pod: ApiProcess): Promise<void> {
    while (this.#running && pod.running) {
      const ready = await pod.isReady().catch(() => false);
      if (ready) this.#endpoints.add(pod);
      else this.#endpoints.delete(pod);
      await delay(PROBE_PERIOD_MS);
    }
    this.#endpoints.delete(pod);
  }

  async #client(index: number): Promise<void> {
    // Every other client opens a connection for each request.
    const agent = new Agent({keepAlive: index % 2 === 0, maxSockets: 1});
    agent.createConnection = () => {
      const endpoints = [...this.#endpoints];
      const pod = endpoints[Math.floor(Math.random() * endpoints.length)];
      return connect(Number(pod?.logged('port')), '127.0.0.1');
    };
    for (let i = 0; this.#running; i++) {
      if (this.#endpoints.size > 0) {
        try {
          const status = await this.#send(agent, `client ${index} request ${i}`);
          if (status === 201) this.succeeded++;
          else this.failures.push(`status ${status}`);
        } catch (error) {
          this.failures.push(String(error));
        }
      }
      await delay(THINK_MS);
    }
    agent.destroy();
  }

  async #send(agent: Agent, title: string): Promise<number | undefined> {
    const headers = {authorization: `Bearer ${this.#token}`, 'content-type': 'application/json'};
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request({host: 'service', path: '/api/v1/tasks', method: 'POST', agent, headers}, resolve);
      sent.on('error', reject);
      sent.end(JSON.stringify({title}));
    });
    response.resume();
    await new Promise<void>((resolve, reject) => response.once('end', resolve).once('error', reject));
    return response.statusCode;
  }
}
