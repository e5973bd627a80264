/** A fenced block of a Markdown page. */
export interface Fence {
  /** The first word after the fence, for example `sh`. */
  readonly language: string;
  readonly text: string;
  /** Line of the page on which its text begins, from 1. */
  readonly line: number;
}

/** A link of a Markdown page. */
export interface Link {
  readonly target: string;
  /** Line of the page, from 1. */
  readonly line: number;
}

/** A fence that isn't closed: what follows would be taken for commands. */
export class OpenFenceError extends Error {
  override readonly name = 'OpenFenceError';
}

/** A page's lines, each with whether it stands inside a fence. */
function* walk(page: string): Generator<{readonly text: string; readonly line: number; readonly fence?: Fence}> {
  const lines = page.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const [, indent = '', ticks = '', language = ''] = /^( *)(`{3,})([^\s`]*)/.exec(lines[index] ?? '') ?? [];
    if (ticks === '') {
      yield {text: lines[index] ?? '', line: index + 1};
      continue;
    }
    const begin = index + 1;
    const closes = (line: string): boolean => line.trim() === ticks;
    const end = lines.findIndex((line, at) => at >= begin && closes(line));
    if (end === -1) throw new OpenFenceError(`The fence of line ${String(begin)} is not closed`);
    const text = lines.slice(begin, end).map((line) => line.slice(indent.length));
    yield {text: '', line: begin, fence: {language, text: text.join('\n'), line: begin + 1}};
    index = end;
  }
}

/**
 * The fenced blocks of a page, in order.
 *
 * @throws OpenFenceError
 */
export function fences(page: string): Fence[] {
  return [...walk(page)].flatMap(({fence}) => (fence === undefined ? [] : [fence]));
}

/**
 * The inline links of a page outside fences and code spans.
 *
 * @throws OpenFenceError
 */
export function links(page: string): Link[] {
  return [...walk(page)].flatMap(({text, line}) =>
    [...text.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => ({target, line})),
  );
}

/**
 * The anchors of a page's headings, as GitHub makes them.
 *
 * @throws OpenFenceError
 */
export function anchors(page: string): Set<string> {
  const seen = new Map<string, number>();
  const found = new Set<string>();
  for (const {text} of walk(page)) {
    const heading = /^#{1,6} (.+)$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const plain = heading.trim().toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    found.add(before === 0 ? slug : `${slug}-${String(before)}`);
  }
  return found;
}
