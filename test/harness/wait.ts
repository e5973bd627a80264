/** A state that was waited for didn't come; the message says what was last seen. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout';
}

/** How often a state is looked at, unless the caller knows better. */
const POLL_MS = 500;

/**
 * Waits until a state holds.
 *
 * @param what - the state in words, for the error
 * @param probe - returns the state once it holds, undefined before; may throw as long as it doesn't
 * @param timeoutMs - after this it is an error
 * @param pollMs - how long after one look comes the next
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  timeoutMs: number,
  pollMs = POLL_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: string;
  for (;;) {
    try {
      const state = await probe();
      if (state !== undefined) return state;
      last = 'not yet so';
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline) {
      throw new WaitTimeout(`Waited ${String(Math.round(timeoutMs / 1000))} s for: ${what}. Last seen: ${last}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
