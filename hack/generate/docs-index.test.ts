import {expect, test} from '@jest/globals';

import {docsIndex} from './docs-index.ts';

const pages = new Map([
  ['docs/README.md', 'the index itself'],
  ['docs/reference/b.md', '# Zebra\n'],
  ['docs/reference/a.md', '<!-- a note -->\n\n# Apple\n\n## Not this'],
  ['docs/tutorial/first-light.md', '# First light'],
  ['docs/RUNBOOKS.md', '# Runbooks'],
]);

test('lists every page by its title, in the order in which a new reader needs them', () => {
  const lines = docsIndex(pages).split('\n');
  expect(lines.filter((line) => /^(## |- )/.test(line))).toEqual([
    '## Tutorial',
    '- [First light](tutorial/first-light.md)',
    '## Reference',
    '- [Apple](reference/a.md)',
    '- [Zebra](reference/b.md)',
    '## More',
    '- [Runbooks](RUNBOOKS.md)',
  ]);
});

test.each([
  ['without a title', 'docs/reference/x.md', 'text', 'docs/reference/x.md needs a title'],
  ['in an unknown folder', 'docs/misc/x.md', '# X', 'docs/misc/x.md is in no known kind'],
])('refuses a page %s', (_what, path, content, message) => {
  expect(() => docsIndex(new Map([[path, content]]))).toThrow(message);
});
