import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';

/** A TCP proxy before the S3 server that lets so many bytes through, then breaks every connection that uploads. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #refused: (request: string) => boolean;
  #left: number;

  private constructor(target: number, bytes: number, refused: (request: string) => boolean) {
    this.#left = bytes;
    this.#refused = refused;
    this.#server = createServer((client) => this.#join(client, connect(target, '127.0.0.1')));
  }

  /**
   * @param target - port of the server
   * @param bytes - that pass before it cuts
   * @param refused - given the start of a request: whether it is broken then
   */
  static async start(target: number, bytes: number, refused: (request: string) => boolean): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target, bytes, refused);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    let request = '';
    client.on('data', (data) => {
      // What begins a request begins a segment: the next one is sent when the last was answered.
      if (/^[A-Z]+ \//.test(data.toString('latin1', 0, 16))) request = data.toString('latin1', 0, 400);
      this.#left -= data.length;
      if (this.#left < 0 && this.#refused(request)) client.destroy();
      else server.write(data);
    });
    server.on('data', (data) => client.write(data));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  }
}
