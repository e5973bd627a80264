import {readFile} from 'node:fs/promises';
import {follow, type Following, type Repeating} from './repeat.ts';

export interface ReadOnlyOptions extends Following {
  /** The mounted file; undefined: there is none, and everything may be written. */
  readonly path: string | undefined;
  readonly onChange: (active: boolean) => void;
}

/** The file that switches read-only mode holds neither `true` nor `false`. */
export class ReadOnlyFileError extends Error {
  override readonly name = 'ReadOnlyFileError';
}

/**
 * Read-only mode, which a mounted file switches without a restart: `true` or `false`. A file that isn't there means false,
 * so that the ConfigMap needn't exist until it is needed.
 */
export class ReadOnlyMode {
  readonly #options: ReadOnlyOptions;
  #active = false;
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
    mode.#rounds = follow(() => mode.#load(path), options);
    return mode;
  }

  get active(): boolean {
    return this.#active;
  }

  async stop(): Promise<void> {
    await this.#rounds?.stop();
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
