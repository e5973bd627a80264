import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';

/** A TCP proxy on the loopback; what passes between the two ends of a connection is the subclass's affair. */
export abstract class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param target - port of the server */
  protected constructor(target: number) {
    this.#server = createServer((client) => {
      const server = connect(target, '127.0.0.1');
      this.join(client, server);
      this.#tie(client, server);
      this.#tie(server, client);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  protected async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** Passes on what each end says to the other, or doesn't. */
  protected abstract join(client: Socket, server: Socket): void;

  #tie(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => other.destroy());
    socket.on('close', () => other.destroy());
  }
}
