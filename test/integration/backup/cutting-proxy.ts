import type {Socket} from 'node:net';
import {TcpProxy} from '../../harness/tcp-proxy.ts';

/** What becomes of a request: its connection is broken, or its signature, so that the server itself refuses it. */
export type Harm = 'Break' | 'Forge';

export interface Harming {
  /** Bytes that pass before it begins. */
  readonly afterBytes: number;
  /** Given the start of a request; undefined: it passes. */
  readonly harm: (request: string) => Harm | undefined;
}

/** A TCP proxy before the S3 server that lets so many bytes through, then harms requests. */
export class CuttingProxy extends TcpProxy {
  readonly #harming: Harming;
  #left: number;

  private constructor(target: number, harming: Harming) {
    super(target);
    this.#left = harming.afterBytes;
    this.#harming = harming;
  }

  /** @param target - port of the server */
  static start(target: number, harming: Harming): Promise<CuttingProxy> {
    return new CuttingProxy(target, harming).listen();
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  protected override join(client: Socket, server: Socket): void {
    const {harm} = this.#harming;
    let request = '';
    client.on('data', (data) => {
      // What begins a request begins a segment: the next one is sent when the last was answered.
      const begins = /^[A-Z]+ \//.test(data.toString('latin1', 0, 16));
      if (begins) request = data.toString('latin1', 0, 400);
      this.#left -= data.length;
      const harmed = this.#left >= 0 ? undefined : harm(request);
      if (harmed === 'Break') client.destroy();
      else server.write(begins && harmed === 'Forge' ? forged(data) : data);
    });
    server.on('data', (data) => client.write(data));
  }
}

/** The same request with another signature, as after a key was revoked and made anew. */
function forged(data: Buffer): Buffer {
  const text = data.toString('latin1');
  return Buffer.from(text.replace(/Signature=[0-9a-f]{64}/, `Signature=${'0'.repeat(64)}`), 'latin1');
}
