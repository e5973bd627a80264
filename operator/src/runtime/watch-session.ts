import type {KubeClient} from './client.ts';
import type {Clock, TimerHandle} from './clock.ts';
import {ApiError, type Status} from './errors.ts';
import {asStatus, errorOfStatus} from './status.ts';
import type {KubeObject, ResourceRef} from './types.ts';

/** Which objects of a resource. */
export interface Scope {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/** A change or a bookmark, as the server tells it. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubeObject;
}

/** Options of one watch. */
export interface WatchSessionOptions {
  client: Pick<KubeClient, 'watchLines'>;
  ref: ResourceRef;
  scope: Scope;
  resourceVersion: string;
  timeoutSeconds: number;
  clock: Clock;
  /** Without a byte for so long the watch is taken for dead. */
  silenceMs: number;
  /** Ends the watch in good order. */
  signal: AbortSignal;
  onOpen: () => void;
  onEvent: (event: WatchEvent) => void;
}

/** Why a watch ended in good order: by the server, by silence, or by its signal. */
export type WatchEnd = 'renewal' | 'silence' | 'stopped';

/**
 * Follows one watch to its end.
 * @throws ApiError when it couldn't be opened, broke, or the server told of an error in it
 */
export async function watchSession(options: WatchSessionOptions): Promise<WatchEnd> {
  const {client, clock, ref, scope, resourceVersion, timeoutSeconds, silenceMs, signal} = options;
  const abort = new AbortController();
  const silence = new SilenceTimer(clock, silenceMs, () => {
    abort.abort();
  });
  try {
    const lines = client.watchLines(ref, {
      ...scope,
      resourceVersion,
      timeoutSeconds,
      signal: AbortSignal.any([abort.signal, signal]),
      onOpen: options.onOpen,
      onBytes: () => {
        silence.heard();
      },
    });
    for await (const line of lines) {
      options.onEvent(parseEvent(ref, line));
    }
    return 'renewal';
  } catch (error) {
    if (signal.aborted) {
      return 'stopped';
    }
    if (abort.signal.aborted) {
      return 'silence';
    }
    throw error;
  } finally {
    silence.cancel();
  }
}

function parseEvent(ref: ResourceRef, line: string): WatchEvent {
  let event: WatchEvent | {readonly type: 'ERROR'; readonly object: Status};
  try {
    event = JSON.parse(line) as typeof event;
  } catch {
    throw new ApiError('A line of the watch is not JSON', {kind: 'Network', status: 0, reason: 'BadLine'});
  }
  if (event.type === 'ERROR') {
    const status = asStatus(event.object);
    throw errorOfStatus({method: 'WATCH', path: ref.plural}, status, {status: status?.code ?? 0});
  }
  return event;
}

/** Calls back once nothing was heard for a time. */
class SilenceTimer {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onSilence: () => void;
  #last: number;
  #timer: TimerHandle;

  constructor(clock: Clock, ms: number, onSilence: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onSilence = onSilence;
    this.#last = clock.monotonic();
    this.#timer = clock.setTimeout(() => this.#check(), ms);
  }

  /** Called with every chunk, hence no timer is touched. */
  heard(): void {
    this.#last = this.#clock.monotonic();
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #check(): void {
    const left = this.#last + this.#ms - this.#clock.monotonic();
    if (left <= 0) {
      this.#onSilence();
    } else {
      this.#timer = this.#clock.setTimeout(() => this.#check(), left);
    }
  }
}
