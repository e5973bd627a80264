import {existsSync, globSync, readFileSync} from 'node:fs';
import {dirname, join, posix} from 'node:path';
import {expect, test} from '@jest/globals';
import {anchors, links} from './markdown.ts';

const root = join(import.meta.dirname, '../..');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'test/README.md',
  ...globSync('docs/**/*.md', {cwd: root}),
];

const isAbsolute = (target: string): boolean => /^[a-z]+:/.test(target);

/** What is wrong with the relative links of a page; nothing is asked over the network. */
function broken(path: string, content: string): string[] {
  return links(content)
    .filter(({target}) => !isAbsolute(target))
    .flatMap(({target, line}) => {
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? path : posix.join(dirname(path), file);
      const at = `${path}:${String(line)}: ${target}`;
      if (!existsSync(join(root, linked))) return [`${at}: no such file`];
      if (anchor === undefined || !linked.endsWith('.md')) return [];
      const text = linked === path ? content : readFileSync(join(root, linked), 'utf8');
      return anchors(text).has(anchor) ? [] : [`${at}: no such heading`];
    });
}

test.each(pages)('every relative link of %s leads somewhere', (path) => {
  expect(broken(path, readFileSync(join(root, path), 'utf8'))).toEqual([]);
});

test('a link that leads nowhere is noticed', () => {
  const page =
    '# Here\n\n[a](nowhere.md) [b](README.md#nowhere) [c](#here) [d](#there) [e](https://example.com/nowhere)\n';
  expect(broken('CONTRIBUTING.md', page)).toEqual([
    'CONTRIBUTING.md:3: nowhere.md: no such file',
    'CONTRIBUTING.md:3: README.md#nowhere: no such heading',
    'CONTRIBUTING.md:3: #there: no such heading',
  ]);
});
