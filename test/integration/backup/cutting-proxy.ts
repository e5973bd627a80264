import type {Socket} from 'node:net';
import {TcpProxy} from '../../harness/tcp-proxy.ts';

/** A TCP proxy before the S3 server that lets so many bytes through, then breaks every connection that uploads. */
export class CuttingProxy extends TcpProxy {
  readonly #refused: (request: string) => boolean;
  #left: number;

  private constructor(target: number, bytes: number, refused: (request: string) => boolean) {
    super(target);
    this.#left = bytes;
    this.#refused = refused;
  }

  /**
   * @param target - port of the server
   * @param bytes - that pass before it cuts
   * @param refused - given the start of a request: whether it is broken then
   */
  static start(target: number, bytes: number, refused: (request: string) => boolean): Promise<CuttingProxy> {
    return new CuttingProxy(target, bytes, refused).listen();
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  protected override join(client: Socket, server: Socket): void {
    let request = '';
    client.on('data', (data) => {
      // What begins a request begins a segment: the next one is sent when the last was answered.
      if (/^[A-Z]+ \//.test(data.toString('latin1', 0, 16))) request = data.toString('latin1', 0, 400);
      this.#left -= data.length;
      if (this.#left < 0 && this.#refused(request)) client.destroy();
      else server.write(data);
    });
    server.on('data', (data) => client.write(data));
  }
}
