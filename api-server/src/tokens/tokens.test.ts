import {mkdtemp, rename, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {parseTokens, TokenFileError} from './parse.ts';
import {TokenStore} from './store.ts';

const [FIRST, SECOND] = ['0123456789abcdef', 'Fedcba98.7654~32_10/+-=='];

describe('a file of tokens', () => {
  test('has a token a line; comments and empty lines do not count', () => {
    expect(parseTokens(`# ours\n\nalice:${FIRST}\r\n  bob-2:${SECOND}  \nalice:${SECOND}`)).toEqual([
      {name: 'alice', token: FIRST},
      {name: 'bob-2', token: SECOND},
      {name: 'alice', token: SECOND},
    ]);
  });

  test.each([
    ['no separator', FIRST],
    ['no name', `:${FIRST}`],
    ['a name with a capital', `Alice:${FIRST}`],
    ['a token that is too short', 'alice:0123456789abcde'],
    ['a token with a space', 'alice:0123456789 abcdef'],
  ])('is refused for %s, without showing it', (_what, line) => {
    const text = `bob:${SECOND}\n${line}`;
    expect(() => parseTokens(text)).toThrow(TokenFileError);
    expect(() => parseTokens(text)).toThrow(/^Line 2 must be <name>:<token>/);
    expect(() => parseTokens(text)).not.toThrow(/abcde/);
  });

  test('is refused without a token', () => expect(() => parseTokens('# none\n')).toThrow(TokenFileError));
});

describe('the store', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokens-'));
    path = join(folder, 'tokens');
  });
  afterEach(() => rm(folder, {recursive: true}));

  /** In one step, so that the store never sees half of it. */
  async function put(content: string): Promise<void> {
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
  }

  async function open(): Promise<{store: TokenStore; next: () => Promise<string>}> {
    const events: string[] = [];
    let wake = (): void => undefined;
    const tell = (event: string): void => {
      events.push(event);
      wake();
    };
    const store = await TokenStore.open({
      path,
      reloadMs: 5,
      onReload: (names) => tell(`reloaded ${names.join(' ')}`),
      onError: (error) => tell(`error ${String(error).split(':')[0] ?? ''}`),
    });
    const next = async (): Promise<string> => {
      if (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return events.shift() ?? '';
    };
    return {store, next};
  }

  test('does not open without a file, or with a malformed one', async () => {
    await expect(open()).rejects.toThrow('ENOENT');
    await put('nonsense');
    await expect(open()).rejects.toThrow(TokenFileError);
  });

  test('knows who calls, follows the file, and keeps the last good tokens when it breaks', async () => {
    await put(`alice:${FIRST}`);
    const {store, next} = await open();
    expect([store.verify(FIRST), store.verify(SECOND), store.verify('')]).toEqual(['alice', undefined, undefined]);

    await put(`bob:${SECOND}`);
    expect(await next()).toBe('reloaded bob');
    expect([store.verify(FIRST), store.verify(SECOND)]).toEqual([undefined, 'bob']);

    await put('alice');
    expect(await next()).toBe('error TokenFileError');
    expect([store.verify(FIRST), store.verify(SECOND)]).toEqual([undefined, 'bob']);

    await rm(path);
    expect(await next()).toBe('error Error');
    await put(`alice:${FIRST}`);
    expect(await next()).toBe('reloaded alice');
    await store.stop();
  });
});
