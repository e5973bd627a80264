import {performance} from 'node:perf_hooks';

/** How often a line of a terminal is redrawn, and how often a log is told that work goes on, in milliseconds. */
const REDRAW_MS = 200;
const REMIND_MS = 15_000;

/** One piece of work that is shown while it lasts. */
export interface ProgressTask {
  /** Says what is being done just now, for example the package being compiled. */
  detail(text: string): void;
}

export interface Progress {
  /**
   * Shows a piece of work from its begin to its end with the time that it takes.
   * @param title - what is done, and how long it usually takes if that is long
   * @param work - its error is shown and passed on
   */
  run<T>(title: string, work: (task: ProgressTask) => Promise<T>): Promise<T>;
  /** Writes a line between the running pieces of work. */
  note(text: string): void;
}

/** The part of a stream that is written to; `process.stderr` is one. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface RunningTask {
  readonly title: string;
  readonly startedAt: number;
  detail: string;
}

/**
 * Progress for people: on a terminal one line that is redrawn, elsewhere a line at the begin, every 15 s and at the end.
 * @param stream - where to; standard error by default, so that standard output stays a command's result
 */
export function createProgress(stream: ProgressStream = process.stderr): Progress {
  const running = new Set<RunningTask>();
  const terminal = stream.isTTY === true;
  let timer: NodeJS.Timeout | undefined;

  const elapsed = (task: RunningTask): string => formatDuration(performance.now() - task.startedAt);
  const describe = (task: RunningTask): string =>
    `${task.title}${task.detail === '' ? '' : `: ${task.detail}`} (${elapsed(task)})`;
  const clear = (): void => {
    if (terminal) stream.write('\r\u001b[K');
  };
  const draw = (): void => {
    if (running.size === 0) return;
    const text = [...running].map(describe).join(' | ');
    stream.write(`\r\u001b[K${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
  };
  const tick = (): void => {
    if (terminal) draw();
    else for (const task of running) stream.write(`  … ${describe(task)}\n`);
  };
  const line = (text: string): void => {
    clear();
    stream.write(`${text}\n`);
    if (terminal) draw();
  };

  return {
    note: line,
    async run(title, work) {
      const task: RunningTask = {title, startedAt: performance.now(), detail: ''};
      running.add(task);
      if (terminal) draw();
      else line(`→ ${title}`);
      timer ??= setInterval(tick, terminal ? REDRAW_MS : REMIND_MS).unref();
      let mark = '✗';
      try {
        const result = await work({
          detail(text) {
            task.detail = text;
          },
        });
        mark = '✓';
        return result;
      } finally {
        running.delete(task);
        line(`${mark} ${title} (${elapsed(task)})`);
        if (running.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      }
    },
  };
}

/** Progress that shows nothing, for tests. */
export const silentProgress: Progress = {
  note: () => undefined,
  run: async (_title, work) => work({detail: () => undefined}),
};

/**
 * A duration as people read it: `3.2 s`, `4 min 05 s`.
 * @param milliseconds - not negative
 */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${String(Math.floor(whole / 60))} min ${String(whole % 60).padStart(2, '0')} s`;
}
