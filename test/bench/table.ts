import type {Result} from './row.ts';

/** How a row stands against its goal. */
function verdict({outcome}: Result): string {
  if (outcome instanceof Error) return 'error';
  switch (outcome.isMet) {
    case true:
      return 'yes';
    case false:
      return 'NO';
    case undefined:
      return '–';
  }
}

/** What was found, in a line. */
export function measured({outcome}: Result): string {
  if (!(outcome instanceof Error)) return outcome.text;
  return 'could not be measured: see below';
}

/** The results as a table (Markdown, in columns), with the notes of its rows below it. */
export function table(results: readonly Result[]): string {
  const rows = results.map((result) => [result.row.title, result.row.goal, measured(result), verdict(result)]);
  const cells = [['measure', 'goal', 'measured', 'ok'], ...rows].map((row) =>
    row.map((cell) => cell.replaceAll('|', '\\|')),
  );
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  const rule = widths.map((width) => '-'.repeat(width));
  const notes = results.flatMap(({row, outcome}) =>
    outcome instanceof Error
      ? [`${row.name}: ${outcome.message}`]
      : (outcome.notes ?? []).map((note) => `${row.name}: ${note}`),
  );
  return [line(head), line(rule), ...body.map(line), ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}

/**
 * What the program ends with: 1 when a row could not be measured, or, if it is strict, missed its goal. A row that says
 * that it wasn't measured is neither.
 */
export function exitCode(results: readonly Result[], isStrict: boolean): 0 | 1 {
  const isFailure = ({outcome}: Result): boolean => outcome instanceof Error || (isStrict && outcome.isMet === false);
  return results.some(isFailure) ? 1 : 0;
}
