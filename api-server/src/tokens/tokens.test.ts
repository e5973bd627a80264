import {mkdtemp, rename, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {parseTokens, TokenFileError} from './parse.ts';
import {TokenStore} from './store.ts';

const BOTH = new Set(['read', 'write']);
const [FIRST, SECOND] = ['0123456789abcdef', 'Fedcba98.7654~32_10/+-=='];

describe('a file of tokens', () => {
  test('has a token a line; comments and empty lines do not count', () => {
    expect(parseTokens(`# ours\n\nalice:${FIRST}\r\n  bob-2:${SECOND}  \nalice:${SECOND}`)).toEqual([
      {name: 'alice', token: FIRST, scopes: BOTH, expires: undefined},
      {name: 'bob-2', token: SECOND, scopes: BOTH, expires: undefined},
      {name: 'alice', token: SECOND, scopes: BOTH, expires: undefined},
    ]);
  });

  test('may say what a token is good for, and until when', () => {
    const text = `alice:${FIRST} scopes=read\nbob:${SECOND}  expires=2027-01-31T00:00:00+01:00\tscopes=write,read`;
    expect(parseTokens(text)).toEqual([
      {name: 'alice', token: FIRST, scopes: new Set(['read']), expires: undefined},
      {name: 'bob', token: SECOND, scopes: BOTH, expires: Date.UTC(2027, 0, 30, 23)},
    ]);
  });

  test.each([
    ['scopes=admin', /scopes= takes read and write/],
    ['scopes=', /scopes= takes read and write/],
    ['scopes=read,', /scopes= takes read and write/],
    ['scopes=read scopes=write', /each once, and nothing else/],
    ['scope=read', /each once, and nothing else/],
    ['abcdef', /each once, and nothing else/],
    ['expires=2027-01-31', /takes a time with its zone/],
    ['expires=2027-01-31T00:00:00', /takes a time with its zone/],
    ['expires=2027-13-31T00:00:00Z', /takes a time with its zone/],
  ])('is refused for the attribute %s', (attributes, message) => {
    expect(() => parseTokens(`alice:${FIRST} ${attributes}`)).toThrow(TokenFileError);
    expect(() => parseTokens(`alice:${FIRST} ${attributes}`)).toThrow(message);
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

  async function open(): Promise<{
    store: TokenStore;
    names: (...tokens: string[]) => unknown[];
    next: () => Promise<string>;
  }> {
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
    const names = (...tokens: string[]): unknown[] =>
      tokens.map((token) => {
        const caller = store.verify(token);
        return typeof caller === 'object' ? caller.name : caller;
      });
    const next = async (): Promise<string> => {
      if (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return events.shift() ?? '';
    };
    return {store, names, next};
  }

  test('does not open without a file, or with a malformed one', async () => {
    await expect(open()).rejects.toThrow('ENOENT');
    await put('nonsense');
    await expect(open()).rejects.toThrow(TokenFileError);
  });

  test('knows who calls, follows the file, and keeps the last good tokens when it breaks', async () => {
    await put(`alice:${FIRST}`);
    const {store, names, next} = await open();
    expect(names(FIRST, SECOND, '')).toEqual(['alice', undefined, undefined]);

    await put(`bob:${SECOND}`);
    expect(await next()).toBe('reloaded bob');
    expect(names(FIRST, SECOND)).toEqual([undefined, 'bob']);

    await put('alice');
    expect(await next()).toBe('error TokenFileError');
    expect(names(FIRST, SECOND)).toEqual([undefined, 'bob']);

    await rm(path);
    expect(await next()).toBe('error Error');
    await put(`alice:${FIRST}`);
    expect(await next()).toBe('reloaded alice');
    await store.stop();
  });

  test('knows what a token may do, and that its time is over', async () => {
    await put(`alice:${FIRST} scopes=read expires=2999-01-01T00:00:00Z\nbob:${SECOND} expires=2020-01-01T00:00:00Z`);
    const {store} = await open();
    expect(store.verify(FIRST)).toMatchObject({name: 'alice', scopes: new Set(['read'])});
    expect(store.verify(SECOND)).toBe('expired');
    await store.stop();
  });
});
