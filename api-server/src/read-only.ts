import {readFile} from 'node:fs/promises';
import {repeat, type Repeating} from './repeat.ts';

export interface ReadOnlyOptions {
  /** The mounted file; undefined: there is none, and everything may be written. */
  readonly path: string | undefined;
  readonly reloadMs: number;
  readonly onChange: (active: boolean) => void;
  /** The file became unreadable or malformed; what it said before stays. Called once for each distinct trouble. */
  readonly onError: (error: unknown) => void;
}

/** The file that switches read-only mode holds neither `true` nor `false`. */
export class ReadOnlyFileError extends Error {
  override readonly name = 'ReadOnlyFileError';
}

/**
 * Read-only mode, which a mounted file switches without a restart: `true` or `false`. A file that isn't there means false,
 * so that the ConfigMap needn't exist until it is needed. It is looked at again and again for the reason that the file of
 * tokens is.
 */
export class ReadOnlyMode {
  readonly #options: ReadOnlyOptions;
  #active = false;
  #lastError: string | undefined;
  #rounds: Repeating | undefined;

  private constructor(options: ReadOnlyOptions) {
    this.#options = options;
  }

  /**
   * Reads the file and keeps watching it until `stop`.
   *
   * @throws {ReadOnlyFileError} or the error of reading it: nobody must believe that nothing is written when it is.
   */
  static async open(options: ReadOnlyOptions): Promise<ReadOnlyMode> {
    const mode = new ReadOnlyMode(options);
    if (options.path === undefined) return mode;
    const {path} = options;
    await mode.#load(path);
    mode.#rounds = repeat(() => mode.#reload(path));
    return mode;
  }

  get active(): boolean {
    return this.#active;
  }

  async stop(): Promise<void> {
    await this.#rounds?.stop();
  }

  async #reload(path: string): Promise<number> {
    try {
      await this.#load(path);
      this.#lastError = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#lastError) this.#options.onError(error);
      this.#lastError = message;
    }
    return this.#options.reloadMs;
  }

  async #load(path: string): Promise<void> {
    const active = parse(await contentOf(path));
    if (active === this.#active) return;
    this.#active = active;
    this.#options.onChange(active);
  }
}

function parse(content: string | undefined): boolean {
  switch (content?.trim()) {
    case 'true':
      return true;
    case 'false':
    case undefined:
      return false;
    default:
      throw new ReadOnlyFileError('The file that READ_ONLY_FILE names must hold true or false');
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
