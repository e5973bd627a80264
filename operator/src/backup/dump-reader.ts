import {Socket} from 'node:net';
import {until} from './flow.ts';

/** As much of the dump as is compressed at a time. */
export const BLOCK_BYTES = 1024 * 1024;

/** One is filled, one may be full, and one may still be worked on. */
const BLOCKS = 3;

/**
 * Reads a FIFO into a few blocks of memory in turn: nothing is copied or allocated on the way, which would cost more than
 * the reading. Whoever writes waits while there is no room.
 */
export class DumpReader {
  readonly #socket: Socket;
  readonly #memory: Buffer = Buffer.allocUnsafeSlow(BLOCKS * BLOCK_BYTES);
  /** Of the block that is being filled. */
  #start = 0;
  #length: number;
  /** Filled and not yet taken; nothing is read while there is one. */
  #full: Buffer | undefined;
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => undefined;

  /**
   * @param fd - of the FIFO, open and not blocking; the reader closes it
   * @param first - what was read from it already
   */
  constructor(fd: number, first: Buffer) {
    this.#length = first.copy(this.#memory);
    this.#socket = new Socket({
      ...{fd, readable: true, writable: false},
      onread: {buffer: () => this.#room(), callback: (bytes) => this.#took(bytes)},
    });
    this.#socket.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
    this.#socket.once('end', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /**
   * The dump, block by block; only the last is smaller. A block stays as it is until the next but one is asked for.
   *
   * @param signal - ends the wait for more with its reason
   */
  async *blocks(signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#error !== undefined) throw this.#error;
      const full = this.#full;
      if (full !== undefined) {
        this.#full = undefined;
        this.#socket.resume();
        yield full;
      } else if (this.#ended) {
        if (this.#length > 0) yield this.#memory.subarray(this.#start, this.#start + this.#length);
        return;
      } else {
        await until((resolve) => {
          this.#wake = resolve;
          this.#socket.resume();
        }, signal);
      }
    }
  }

  /** Closes the FIFO: whoever writes into it gets an error. */
  destroy(): void {
    this.#socket.destroy();
  }

  #room(): Buffer {
    return this.#memory.subarray(this.#start + this.#length, this.#start + BLOCK_BYTES);
  }

  /** @returns whether there is room for more */
  #took(bytes: number): boolean {
    this.#length += bytes;
    if (this.#length < BLOCK_BYTES) return true;
    this.#full = this.#memory.subarray(this.#start, this.#start + BLOCK_BYTES);
    this.#start = (this.#start + BLOCK_BYTES) % this.#memory.length;
    this.#length = 0;
    this.#wake();
    return false;
  }
}
