import {expect, test} from '@jest/globals';
import {runScript} from './enter.ts';

const KILLED = 137;

test('a script ends with its own status', async () => {
  expect(await runScript('exit 3', new AbortController().signal)).toBe(3);
});

// As the scripts above end, with exec: what a shell of its own had begun would outlive it.
test('a script is ended when it is cancelled, also when that was before it began', async () => {
  const cancelling = new AbortController();
  const running = runScript('exec sleep 1000', cancelling.signal);
  cancelling.abort();
  expect(await running).toBe(KILLED);
  expect(await runScript('exec sleep 1000', AbortSignal.abort())).toBe(KILLED);
});
