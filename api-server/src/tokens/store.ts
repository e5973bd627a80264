import {hash, timingSafeEqual} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {repeat, type Repeating} from '../repeat.ts';
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

export interface TokenStoreOptions {
  readonly path: string;
  readonly reloadMs: number;
  readonly onReload: (names: readonly string[]) => void;
  /** The file became unreadable or malformed; the tokens read before stay valid. Called once for each distinct trouble. */
  readonly onError: (error: unknown) => void;
}

/**
 * The bearer tokens of a mounted file, by their hashes.
 *
 * The file's content is compared every few seconds rather than watched: Kubernetes replaces a mounted Secret by swapping a
 * symbolic link two directories up, which notifications on the file never see, and kubelet itself takes up to a minute.
 */
export class TokenStore implements TokenVerifier {
  readonly #options: TokenStoreOptions;
  #tokens: readonly HashedToken[] = [];
  #content: string | undefined;
  #lastError: string | undefined;
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
    store.#rounds = repeat(() => store.#reload());
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

  /** @returns milliseconds until the next look. */
  async #reload(): Promise<number> {
    try {
      if (await this.#load()) this.#options.onReload(this.#tokens.map(({name}) => name));
      this.#lastError = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#lastError) this.#options.onError(error);
      this.#lastError = message;
    }
    return this.#options.reloadMs;
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
