import {describe, expect, test} from '@jest/globals';
import {anchors, fences, links, OpenFenceError} from './markdown.ts';

const page = `# A page: *one*, \`two\`

Text with [a link](other.md#part) and \`[code](not-a-link.md)\`.

\`\`\`sh
echo '[no](link.md)'
# no heading
\`\`\`

- in a list:

  \`\`\`text
  shown
    deeper
  \`\`\`

## Part

## Part

[last](#part-1)
`;

test('fences have their language, text without the indent, and line', () => {
  expect(fences(page)).toEqual([
    {language: 'sh', text: "echo '[no](link.md)'\n# no heading", line: 6},
    {language: 'text', text: 'shown\n  deeper', line: 13},
  ]);
});

test('a fence in a longer fence is its text', () => {
  expect(fences('````md\n```sh\nrm\n```\n````\n')).toEqual([{language: 'md', text: '```sh\nrm\n```', line: 2}]);
});

test('a fence that is not closed is an error that names its line', () => {
  expect(() => fences('text\n\n```sh\nrm\n')).toThrow(new OpenFenceError('The fence of line 3 is not closed'));
});

describe('links', () => {
  test('are those outside fences and code', () => {
    expect(links(page)).toEqual([
      {target: 'other.md#part', line: 3},
      {target: '#part-1', line: 21},
    ]);
  });
});

test('anchors are those of headings, numbered where they repeat', () => {
  expect([...anchors(page)]).toEqual(['a-page-one-two', 'part', 'part-1']);
});
