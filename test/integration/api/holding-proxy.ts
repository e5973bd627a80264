import type {Socket} from 'node:net';
import {TcpProxy} from '../../harness/tcp-proxy.ts';

/**
 * A TCP proxy in front of the database that can hold back the reply to a statement: the statement is done, and whoever
 * sent it doesn't learn of it.
 */
export class HoldingProxy extends TcpProxy {
  /** Resolves when a statement whose reply is held back has passed. */
  readonly held: Promise<void>;
  #text: string | undefined;
  #onHeld: () => void = () => undefined;

  private constructor(target: number) {
    super(target);
    this.held = new Promise((resolve) => (this.#onHeld = resolve));
  }

  static start(target: number): Promise<HoldingProxy> {
    return new HoldingProxy(target).listen();
  }

  holdRepliesTo(text: string): void {
    this.#text = text;
  }

  protected override join(client: Socket, server: Socket): void {
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
  }
}
