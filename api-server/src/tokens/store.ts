import {hash, timingSafeEqual} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {follow, type Following, type Repeating} from '../repeat.ts';
import {parseTokens, type Scope, type TokenEntry} from './parse.ts';

/** Who calls, and what the token lets them do. */
export interface Caller {
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Says who calls, that their token's time is over, or that nobody known does (undefined). */
export interface TokenVerifier {
  verify(token: string): Caller | 'expired' | undefined;
}

interface HashedToken extends Omit<TokenEntry, 'token'> {
  readonly hash: Buffer;
}

export interface TokenStoreOptions extends Following {
  readonly path: string;
  readonly onReload: (names: readonly string[]) => void;
}

/** The bearer tokens of a mounted file, by their hashes. */
export class TokenStore implements TokenVerifier {
  readonly #options: TokenStoreOptions;
  #tokens: readonly HashedToken[] = [];
  #content: string | undefined;
  #rounds: Repeating | undefined;

  private constructor(options: TokenStoreOptions) {
    this.#options = options;
  }

  /**
   * Reads the file and keeps watching it until `stop`.
   *
   * @throws {TokenFileError} or the error of reading it: a server without tokens must not become ready.
   */
  static async open(options: TokenStoreOptions): Promise<TokenStore> {
    const store = new TokenStore(options);
    await store.#load();
    store.#rounds = follow(async () => {
      if (await store.#load()) options.onReload(store.#tokens.map(({name}) => name));
    }, options);
    return store;
  }

  verify(token: string): Caller | 'expired' | undefined {
    const presented = sha256(token);
    let found: HashedToken | undefined;
    // Every entry is compared, in constant time, so that the time taken tells nothing about any token.
    for (const entry of this.#tokens) {
      if (timingSafeEqual(entry.hash, presented)) found = entry;
    }
    const isOver = found?.expires !== undefined && found.expires <= Date.now();
    return isOver ? 'expired' : found;
  }

  async stop(): Promise<void> {
    await this.#rounds?.stop();
  }

  async #load(): Promise<boolean> {
    const content = await readFile(this.#options.path, 'utf8');
    if (content === this.#content) return false;
    this.#tokens = parseTokens(content).map(({token, ...entry}) => ({...entry, hash: sha256(token)}));
    this.#content = content;
    return true;
  }
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
