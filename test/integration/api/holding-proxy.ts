import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';

/**
 * A TCP proxy in front of the database that can hold back the reply to a statement: the statement is done, and whoever
 * sent it doesn't learn of it.
 */
export class HoldingProxy {
  /** Resolves when a statement whose reply is held back has passed. */
  readonly held: Promise<void>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #text: string | undefined;
  #onHeld: () => void = () => undefined;

  private constructor(target: number) {
    this.held = new Promise((resolve) => (this.#onHeld = resolve));
    this.#server = createServer((client) => this.#join(client, connect(target, '127.0.0.1')));
  }

  static async start(target: number): Promise<HoldingProxy> {
    const proxy = new HoldingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  holdRepliesTo(text: string): void {
    this.#text = text;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    let holding = false;
    client.on('data', (data) => {
      if (this.#text !== undefined && data.includes(this.#text)) {
        holding = true;
        this.#onHeld();
      }
      server.write(data);
    });
    server.on('data', (data) => {
      if (!holding) client.write(data);
    });
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
