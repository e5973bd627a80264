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

/** How a mounted file is followed. */
export interface Following {
  readonly reloadMs: number;
  /** The file became unreadable or malformed; what was read before stays. Called once for each distinct trouble. */
  readonly onError: (error: unknown) => void;
}

/**
 * Looks at a mounted file at once and again and again. Its content is compared every few seconds rather than watched:
 * Kubernetes replaces a mounted Secret or ConfigMap by swapping a symbolic link two directories up, which notifications on
 * the file never see, and kubelet itself takes up to a minute.
 *
 * @param load - reads the file and takes what it says
 */
export function follow(load: () => Promise<void>, {reloadMs, onError}: Following): Repeating {
  let lastError: string | undefined;
  return repeat(async () => {
    try {
      await load();
      lastError = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== lastError) onError(error);
      lastError = message;
    }
    return reloadMs;
  });
}
