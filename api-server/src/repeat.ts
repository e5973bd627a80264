/** Work that repeats until it is stopped. */
export interface Repeating {
  /** Begins no further round, and waits for the one under way. */
  stop(): Promise<void>;
}

/**
 * Runs work at once and again after the milliseconds that its promise gives, never two rounds at the same time.
 * The work handles its own errors.
 */
export function repeat(work: () => Promise<number>): Repeating {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> = Promise.resolve();
  const round = async (): Promise<void> => {
    const pause = await work();
    if (!stopped) timer = setTimeout(begin, pause);
  };
  const begin = (): void => {
    underWay = round();
  };
  begin();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await underWay;
    },
  };
}
