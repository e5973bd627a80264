import type {Duplex, Readable} from 'node:stream';

/**
 * The chunks of a stream, one at a time. A loop over the stream itself would destroy it when it ends early, and a stream of
 * the AWS Encryption SDK that is destroyed ends the process: its inner pipeline throws where nobody can catch it.
 *
 * @param signal - ends the wait for more with its reason; the stream is left as it is
 */
export async function* chunksOf(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const queue: Buffer[] = [];
  const state = {ended: false};
  let wake: () => void = () => undefined;
  stream.on('data', (chunk: Buffer) => {
    queue.push(chunk);
    stream.pause();
    wake();
  });
  stream.once('end', () => {
    state.ended = true;
    wake();
  });
  for (;;) {
    signal.throwIfAborted();
    const chunk = queue.shift();
    if (chunk !== undefined) {
      yield chunk;
    } else if (state.ended) {
      return;
    } else {
      await until((resolve) => {
        wake = resolve;
        stream.resume();
      }, signal);
    }
  }
}

/**
 * Writes, and waits while the stream is full.
 *
 * @param signal - ends the wait with its reason
 */
export async function write(stream: Duplex, chunk: Buffer, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (stream.write(chunk)) return;
  await until((resolve) => stream.once('drain', resolve), signal);
}

/**
 * Writes, and waits until the chunk's memory isn't needed any more. An error is told by the stream's event alone.
 *
 * @param signal - ends the wait with its reason
 */
export async function consumed(stream: Duplex, chunk: Buffer, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await until((resolve) => stream.write(chunk, () => resolve()), signal);
}

/** Waits for one event, or for the signal. */
export async function until(listen: (resolve: () => void) => void, signal: AbortSignal): Promise<void> {
  const {promise, resolve, reject} = Promise.withResolvers<undefined>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, {once: true});
  listen(() => resolve(undefined));
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
