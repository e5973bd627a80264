import {describe, expect, test} from '@jest/globals';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chooseMirror, debianMirror, NoMirrorError, parseDeb822, parseSourcesList} from './mirror.ts';

const LIST = `
# deb http://commented.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://main.example/debian bookworm main contrib # note
deb http://main.example/debian-security bookworm-security main
`;

const SOURCES = `Types: deb
# a comment inside
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
URIs: https://main.example/debian
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
`;

describe('parsing', () => {
  test('reads the one-line format without comments and options', () => {
    expect(parseSourcesList(LIST)).toEqual([
      {types: ['deb-src'], uris: ['http://source.example/debian'], suites: ['bookworm'], components: ['main']},
      {types: ['deb'], uris: ['http://main.example/debian'], suites: ['bookworm'], components: ['main', 'contrib']},
      {
        types: ['deb'],
        uris: ['http://main.example/debian-security'],
        suites: ['bookworm-security'],
        components: ['main'],
      },
    ]);
  });

  test('reads deb822 with continued lines, without what is not enabled', () => {
    expect(parseDeb822(SOURCES).map(({uris, suites}) => ({uris, suites}))).toEqual([
      {uris: ['http://security.example/debian-security'], suites: ['bookworm-security']},
      {uris: ['https://main.example/debian'], suites: ['bookworm', 'bookworm-updates']},
    ]);
  });
});

describe('the mirror', () => {
  test('is the main archive of binary packages', () => {
    expect(chooseMirror(parseSourcesList(LIST))).toBe('http://main.example/debian');
    expect(chooseMirror(parseDeb822(SOURCES))).toBe('https://main.example/debian');
    expect(chooseMirror([])).toBeUndefined();
  });

  test("comes from apt's folder, unless the environment names one", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mirror-test-'));
    try {
      await expect(debianMirror({}, folder)).rejects.toThrow(NoMirrorError);
      await mkdir(join(folder, 'sources.list.d'));
      await writeFile(join(folder, 'sources.list.d', 'off.sources.disabled'), SOURCES.replaceAll('main.', 'wrong.'));
      await writeFile(join(folder, 'sources.list.d', 'debian.sources'), SOURCES);
      expect(await debianMirror({}, folder)).toBe('https://main.example/debian');
      await writeFile(join(folder, 'sources.list'), LIST);
      expect(await debianMirror({}, folder)).toBe('http://main.example/debian');
      expect(await debianMirror({DEBIAN_MIRROR: 'http://named.example'}, folder)).toBe('http://named.example');
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});
