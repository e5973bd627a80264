/** The kinds of test that every run has, in the order in which they run: the quick ones first. */
export const kinds = ['unit', 'integration', 'e2e'] as const;
/** `long`: stories that wait longer than a run of all may take. They run when they are asked for. */
export type Kind = (typeof kinds)[number] | 'long';

/** How one project of Jest went. */
export interface Tally {
  readonly kind: Kind;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What failed, a line each: tests by name, and what is no test's failure. */
  readonly failures: readonly string[];
}

/** The part of Jest's JSON output that is read. */
export interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {readonly fullName: string; readonly status: string}[];
  }[];
}

/** How a run of Jest ended; without `result` it broke before it could write one. */
export interface JestRun {
  readonly kind: Kind;
  readonly exitCode: number | null;
  /** What one of the tests left open, so that it had to be ended after its last test. */
  readonly lingered: string | undefined;
  readonly seconds: number;
  readonly result?: JestResult;
}

/** Failures of a run: its tests, its files that could not be run, and what the numbers alone would hide. */
function failuresOf({exitCode, lingered, result}: JestRun): string[] {
  if (result === undefined) return [`Jest ended with ${exitCode ?? 'a signal'} and wrote no result`];
  const failures = result.testResults.flatMap(({name, status, message, assertionResults}) => {
    const tests = assertionResults.filter((test) => test.status === 'failed');
    if (tests.length > 0) return tests.map(({fullName}) => `${name} › ${fullName}`);
    return status === 'failed' ? [`${name} could not be run: ${message.trim().split('\n')[0] ?? ''}`] : [];
  });
  if (result.numPassedTests + result.numFailedTests === 0) failures.push('no test was executed');
  if (failures.length > 0) return failures;
  if (lingered !== undefined)
    failures.push(`a test left something open, so that Jest did not end by itself: ${lingered}`);
  else if (exitCode !== 0) failures.push(`Jest ended with ${exitCode ?? 'a signal'}`);
  return failures;
}

/** Counts a run. What failed without being a test counts as one failure, so that no run fails with zero failed. */
export function tally(run: JestRun): Tally {
  const failures = failuresOf(run);
  const {numPassedTests: passed = 0, numPendingTests: pending = 0, numTodoTests: todo = 0} = run.result ?? {};
  return {kind: run.kind, passed, failed: failures.length, skipped: pending + todo, seconds: run.seconds, failures};
}

const sum = (tallies: readonly Tally[], field: 'passed' | 'failed' | 'skipped'): number =>
  tallies.reduce((total, one) => total + one[field], 0);

/** Whether all is well: nothing failed and nothing was skipped, for a skipped test tells nothing. */
export function succeeded(tallies: readonly Tally[]): boolean {
  return sum(tallies, 'failed') + sum(tallies, 'skipped') === 0;
}

/** The line that a run of the tests ends with. */
export function lastLine(tallies: readonly Tally[]): string {
  return `${sum(tallies, 'passed')} passed, ${sum(tallies, 'failed')} failed, ${sum(tallies, 'skipped')} skipped`;
}

/** A table with a row a project, times in minutes and seconds. */
export function table(tallies: readonly Tally[]): string {
  const rows = tallies.map(({kind, passed, failed, skipped, seconds}) => {
    const time = `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, '0')}`;
    return [kind, String(passed), String(failed), String(skipped), time];
  });
  const widths = [12, 8, 8, 8, 8];
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('');
  return [['kind', 'passed', 'failed', 'skipped', 'min:s'], ...rows].map(line).join('\n');
}
