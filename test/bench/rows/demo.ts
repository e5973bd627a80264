import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {run} from '../../../hack/lib/exec.ts';
import {formatDuration} from '../../../hack/lib/progress.ts';
import type {Bench} from '../bench.ts';
import type {Measured, Row} from '../row.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const MINUTE_MS = 60_000;

/** Runs a command by itself on this machine; an error when it fails. */
async function timed(
  bench: Bench,
  what: string,
  options: {command: readonly [string, ...string[]]; goalMs: number},
): Promise<Measured> {
  await bench.close();
  const startedAt = performance.now();
  await bench.progress.run(what, async ({detail}) =>
    run(options.command, {cwd: root, onStderrLine: detail, diesWithCaller: true}),
  );
  const milliseconds = performance.now() - startedAt;
  return {text: formatDuration(milliseconds), isMet: milliseconds <= options.goalMs};
}

/** The demo where everything was built before. */
export const demoWarm: Row = {
  name: 'demo-warm',
  title: '`npm run demo`, warm',
  goal: '≤ 12 min',
  measure: async (bench) => {
    if (!bench.options.demo) return {text: 'not measured here (--demo)', isMet: undefined};
    const command = ['npm', 'run', 'demo'] as const;
    return timed(bench, 'the demo, warm, about 10 min', {command, goalMs: 12 * MINUTE_MS});
  },
};

/** The demo as on a new machine. */
export const demoCold: Row = {
  name: 'demo-cold',
  title: '`npm run demo`, cold, 2 cores',
  goal: '≤ 35 min',
  measure: async (bench) => {
    if (!bench.options.cold) return {text: 'not measured here (--cold)', isMet: undefined};
    const command = [join(root, 'hack/fresh'), 'npm run demo'] as const;
    return timed(bench, 'the demo on a new machine, about 30 min', {command, goalMs: 35 * MINUTE_MS});
  },
};
