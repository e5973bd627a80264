/** Text as it may stand in a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}

/** Text as code that stands in a cell of a table, whatever backquotes it holds. */
export function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`';
  return `${fence}${cell(text)}${fence}`;
}

/** A table; cells are written as they are. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A page with its title and the note that says where it comes from. */
export function page(title: string, source: string, ...blocks: readonly string[]): string {
  const note = `<!-- Generated from ${source} by \`npm run generate\`; edit that instead. -->`;
  return `${[`# ${title}`, note, ...blocks].join('\n\n')}\n`;
}
