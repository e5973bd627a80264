import {posix} from 'node:path';

import {page} from './markdown.ts';

/** The kinds of documentation (Diátaxis), in the order in which a new reader needs them. */
const KINDS: readonly (readonly [folder: string, title: string, about: string])[] = [
  ['tutorial', 'Tutorial', 'Learn by doing.'],
  ['how-to', 'How-to guides', 'Reach a goal.'],
  ['reference', 'Reference', 'Look up what is so.'],
  ['explanation', 'Explanation', 'Understand why it is so.'],
  ['runbooks', 'Runbooks', 'Act on an alert.'],
  ['.', 'More', 'What fits nowhere else.'],
];

const INDEX = 'docs/README.md';

function titleOf(path: string, content: string): string {
  const title = /^# (.+)$/m.exec(content)?.[1];
  if (title === undefined) throw new Error(`${path} needs a title, a line that begins with "# "`);
  return title;
}

/**
 * The index of the documentation: every page below docs/ with its title.
 *
 * @param pages - content of every page, by its path in the repository
 * @throws Error for a page without a title, or in a folder that is no kind of documentation
 */
export function docsIndex(pages: ReadonlyMap<string, string>): string {
  const entries = [...pages]
    .filter(([path]) => path !== INDEX)
    .map(([path, content]) => {
      const link = posix.relative('docs', path);
      const folder = link.includes('/') ? (link.split('/')[0] ?? '') : '.';
      if (!KINDS.some(([known]) => known === folder)) throw new Error(`${path} is in no known kind of documentation`);
      return {folder, link, title: titleOf(path, content)};
    })
    .sort((a, b) => (a.title < b.title ? -1 : 1));
  const sections = KINDS.flatMap(([folder, title, about]) => {
    const lines = entries
      .filter((entry) => entry.folder === folder)
      .map((entry) => `- [${entry.title}](${entry.link})`);
    return lines.length === 0 ? [] : [`## ${title}`, about, lines.join('\n')];
  });
  return page('Documentation', 'the pages below `docs/`', ...sections);
}
