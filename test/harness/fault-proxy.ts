import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {request as plainRequest, type IncomingMessage, type ServerResponse} from 'node:http';
import {createServer, request as tlsRequest, Agent, type Server} from 'node:https';
import type {AddressInfo, Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {CertificateAuthority} from '../../hack/cluster/pki.ts';

/** Where requests are passed on to, and as whom. */
export interface Upstream {
  /** `https://host:port`, or `http://` in tests of the proxy itself. */
  readonly server: string;
  /** PEM. */
  readonly caData?: string;
  readonly clientCertData?: string;
  readonly clientKeyData?: string;
}

/** A request as the proxy saw it. */
export interface ProxiedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly isWatch: boolean;
}

/** What is done to a request instead of passing it on. `after` = once the server has done it. */
export type Fault =
  | {readonly kind: 'answer'; readonly status: number; readonly headers?: Record<string, string>; readonly body: object}
  | {readonly kind: 'reset' | 'hang'; readonly when: 'before' | 'after'}
  | {readonly kind: 'truncate'};

/** Which requests, and how many of them. */
export interface Rule {
  readonly matches: (request: ProxiedRequest) => boolean;
  readonly fault: Fault;
  /** How many requests it is for; all unless told. */
  readonly times?: number;
}

/** What was done to the watches that are open. */
export interface WatchFaults {
  /** The next thing that the server says breaks off in the middle, and the connection with it. */
  cutMidLine(): void;
  /** Nothing more is heard, and the connection stays: a half-open one. */
  silence(): void;
  /** Adds a line of the proxy's own. */
  inject(line: object): void;
  /** Adds a line that is no JSON. */
  garble(): void;
  /** The connection breaks. */
  reset(): void;
  readonly count: number;
}

interface OpenWatch {
  mode: 'pass' | 'cut' | 'silent';
  readonly path: string;
  readonly response: ServerResponse;
}

interface ActiveRule extends Rule {
  left: number;
}

/**
 * A proxy on the loopback between a client and a real API server, TLS on both sides, that fails as a network and a
 * server do. It sees requests and watch lines, so faults can be put exactly where they hurt.
 */
export class FaultProxy {
  readonly requests: ProxiedRequest[] = [];
  readonly caData: string;
  readonly #server: Server;
  readonly #upstream: Upstream;
  readonly #agent: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<OpenWatch>();
  #rules: ActiveRule[] = [];
  #connections = 0;
  #blackhole = false;

  private constructor(upstream: Upstream, tls: {ca: string; cert: string; key: string}) {
    this.#upstream = upstream;
    this.caData = tls.ca;
    this.#agent = new Agent({
      keepAlive: true,
      ca: upstream.caData,
      cert: upstream.clientCertData,
      key: upstream.clientKeyData,
    });
    this.#server = createServer({cert: tls.cert, key: tls.key}, (request, response) => {
      this.#handle(request, response);
    });
    // Longer than the API server's own, so that it is never the proxy that closes an idle connection.
    this.#server.keepAliveTimeout = 90_000;
    this.#server.on('secureConnection', () => {
      this.#connections++;
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      if (this.#blackhole) {
        socket.pause();
      }
    });
  }

  /** Starts a proxy on a free port. */
  static async start(upstream: Upstream): Promise<FaultProxy> {
    const directory = await mkdtemp(join(tmpdir(), 'fault-proxy-'));
    try {
      const authority = await CertificateAuthority.create(directory, 'fault-proxy-ca');
      const pair = await authority.issue({name: 'fault-proxy', subjectAltNames: ['IP:127.0.0.1']});
      const [ca, cert, key] = await Promise.all(
        [authority.certFile, pair.certFile, pair.keyFile].map((file) => readFile(file, 'utf8')),
      );
      const proxy = new FaultProxy(upstream, {ca: ca ?? '', cert: cert ?? '', key: key ?? ''});
      await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
      return proxy;
    } finally {
      await rm(directory, {recursive: true, force: true});
    }
  }

  /** `https://127.0.0.1:port` */
  get server(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** TLS connections that clients made since the start. */
  get connections(): number {
    return this.#connections;
  }

  /** Does something to requests from now on; of several rules the first that matches holds. Returns how to end it. */
  rule(rule: Rule): () => void {
    const active: ActiveRule = {...rule, left: rule.times ?? Infinity};
    this.#rules.push(active);
    return () => {
      this.#rules = this.#rules.filter((each) => each !== active);
    };
  }

  /** The open watches whose path contains a text. */
  watches(part = ''): WatchFaults {
    const chosen = [...this.#watches].filter(({path}) => path.includes(part));
    return {
      count: chosen.length,
      cutMidLine: () => chosen.forEach((watch) => (watch.mode = 'cut')),
      silence: () => chosen.forEach((watch) => (watch.mode = 'silent')),
      inject: (line) => chosen.forEach(({response}) => response.write(`${JSON.stringify(line)}\n`)),
      garble: () => chosen.forEach(({response}) => response.write('{"type":\n')),
      reset: () => chosen.forEach(({response}) => response.destroy()),
    };
  }

  /** Breaks every connection there is. */
  resetAll(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  /** Swallows everything in both directions without closing anything, as a cable that was pulled out; false ends it by a reset. */
  blackhole(on: boolean): void {
    this.#blackhole = on;
    if (!on) {
      this.resetAll();
      return;
    }
    for (const socket of this.#sockets) {
      socket.pause();
    }
    for (const watch of this.#watches) {
      watch.mode = 'silent';
    }
  }

  /** Ends every rule and the black hole: what one test did is not for the next. */
  heal(): void {
    this.#rules = [];
    if (this.#blackhole) {
      this.blackhole(false);
    }
  }

  /** Ends everything. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    this.resetAll();
    this.#agent.destroy();
    await closed;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    const proxied = {method: request.method ?? '', path, isWatch: /[?&]watch=(1|true)/.test(path)};
    this.requests.push(proxied);
    if (this.#blackhole) {
      return;
    }
    const fault = this.#faultFor(proxied);
    if (fault?.kind === 'answer') {
      request.resume();
      const headers = {'content-type': 'application/json', ...fault.headers};
      response.writeHead(fault.status, headers).end(JSON.stringify(fault.body));
    } else if ((fault?.kind === 'reset' || fault?.kind === 'hang') && fault.when === 'before') {
      request.resume();
      interrupt(fault.kind, response);
    } else {
      this.#forward(request, response, proxied, fault);
    }
  }

  #faultFor(request: ProxiedRequest): Fault | undefined {
    const rule = this.#rules.find((each) => each.left > 0 && each.matches(request));
    if (rule === undefined) {
      return undefined;
    }
    rule.left--;
    return rule.fault;
  }

  #forward(
    request: IncomingMessage,
    response: ServerResponse,
    proxied: ProxiedRequest,
    fault: Fault | undefined,
  ): void {
    const target = new URL(`${this.#upstream.server}${proxied.path}`);
    const options = {method: proxied.method, headers: {...request.headers, host: target.host}};
    const outgoing =
      target.protocol === 'https:'
        ? tlsRequest(target, {...options, agent: this.#agent})
        : plainRequest(target, options);
    outgoing.on('response', (incoming) => {
      if (fault === undefined) {
        this.#passOn(incoming, response, proxied);
      } else {
        void swallow(incoming, fault, response);
      }
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    request.pipe(outgoing);
  }

  #passOn(incoming: IncomingMessage, response: ServerResponse, {isWatch, path}: ProxiedRequest): void {
    response.writeHead(incoming.statusCode ?? 502, incoming.headers);
    response.flushHeaders();
    incoming.on('error', () => response.destroy());
    incoming.on('aborted', () => response.destroy());
    if (!isWatch) {
      incoming.pipe(response);
      return;
    }
    const watch: OpenWatch = {mode: 'pass', path, response};
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    incoming.on('data', (chunk: Buffer) => {
      pass(watch, chunk);
    });
    incoming.on('end', () => {
      if (watch.mode !== 'silent') {
        response.end();
      }
    });
  }
}

function pass(watch: OpenWatch, chunk: Buffer): void {
  switch (watch.mode) {
    case 'pass':
      watch.response.write(chunk);
      break;
    case 'cut': {
      watch.mode = 'silent';
      const half = chunk.subarray(0, Math.floor(chunk.indexOf('\n') / 2));
      watch.response.write(half, () => watch.response.destroy());
      break;
    }
    case 'silent':
      break;
  }
}

/** The server has done it; the client is told nothing, or half of it. */
async function swallow(incoming: IncomingMessage, fault: Fault, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk as Buffer);
  }
  if (fault.kind === 'reset' || fault.kind === 'hang') {
    interrupt(fault.kind, response);
    return;
  }
  const body = Buffer.concat(chunks);
  response.writeHead(incoming.statusCode ?? 502, incoming.headers);
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
}

function interrupt(kind: 'reset' | 'hang', response: ServerResponse): void {
  if (kind === 'reset') {
    response.destroy();
  }
}
