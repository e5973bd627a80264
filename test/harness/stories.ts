import {beforeAll, describe, test} from '@jest/globals';

/** How stories are told. */
export interface Telling {
  /** Makes what all of them need. */
  readonly start: () => Promise<void>;
  /** After so long a story has failed. */
  readonly timeoutMs: number;
}

/**
 * Stories that wait more than they work: all of them run at the same time, each in a namespace of its own, and each is a
 * test of its own.
 *
 * @param stories - by name
 */
export function sideBySide(
  title: string,
  {start, timeoutMs}: Telling,
  stories: Readonly<Record<string, () => Promise<void>>>,
): void {
  const running = new Map<string, Promise<void>>();
  beforeAll(async () => {
    await start();
    for (const [name, run] of Object.entries(stories)) {
      const story = run();
      // The test that awaits it reports the failure; until then it must not end the process.
      story.catch(() => undefined);
      running.set(name, story);
    }
  }, timeoutMs);

  describe(title, () => {
    test.each(Object.keys(stories))(
      '%s',
      async (name) => {
        await running.get(name);
      },
      timeoutMs,
    );
  });
}
