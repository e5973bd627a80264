/** What a command's output was expected to have and doesn't. */
export class UnexpectedOutputError extends Error {
  override readonly name = 'UnexpectedOutputError';
}

/**
 * Words of an expected line that stand for their kind: a page shows those of the day on which it was written. A revision
 * (12 hexadecimal digits) is one and the same wherever the page shows it.
 */
const KINDS: readonly (readonly [kind: 'revision' | 'other', shown: string, actual: string])[] = [
  ['other', String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`, String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`],
  [
    'other',
    String.raw`localhost/maintenance-api/[a-z-]+:[0-9a-f]{12}`,
    String.raw`localhost/maintenance-api/[a-z-]+:[0-9a-f]{12}`,
  ],
  ['revision', String.raw`\b[0-9a-f]{12}\b`, '[0-9a-f]{12}'],
  // kubectl's ages: 4s, 2m10s, 3h5m, 1d.
  ['other', String.raw`(?<=\s)(?:\d+[smhd]){1,2}(?=\s|$)`, String.raw`(?:\d+[smhd]){1,2}`],
  ['other', '…', '.*'],
];

const SHOWN = new RegExp(KINDS.map(([, shown]) => `(${shown})`).join('|'), 'g');

/** Compares outputs with what a page shows of them. Revisions that were seen are remembered from block to block. */
export class ExpectedOutput {
  /** The actual revision of each that the page shows. */
  readonly #revisions = new Map<string, string>();

  /**
   * Each shown line must be a line of the output, in their order; other lines may stand between them. Runs of blanks are
   * alike, `…` stands for anything, ages, times, images and revisions for their kind.
   *
   * @param shown - the page's text block
   * @param output - what the commands wrote
   * @throws UnexpectedOutputError naming the first line that isn't there
   */
  check(shown: string, output: string): void {
    const actual = output.split('\n').map(squeezed);
    let next = 0;
    for (const line of shown.split('\n').filter((text) => text.trim() !== '')) {
      const found = actual.findIndex((text, at) => at >= next && this.#matches(squeezed(line), text));
      if (found === -1) {
        throw new UnexpectedOutputError(
          `This line is not in the output, or not in this order:\n${line}\n\nOutput:\n${output}`,
        );
      }
      next = found + 1;
    }
  }

  #matches(shown: string, actual: string): boolean {
    const revisions: string[] = [];
    let pattern = '';
    let end = 0;
    for (const match of shown.matchAll(SHOWN)) {
      const index = match.slice(1).findIndex(Boolean);
      const [kind, , wanted] = KINDS[index] ?? ['other', '', ''];
      const known = kind === 'revision' ? this.#revisions.get(match[0]) : undefined;
      pattern += escaped(shown.slice(end, match.index)) + (known ?? (kind === 'revision' ? `(${wanted})` : wanted));
      if (kind === 'revision' && known === undefined) revisions.push(match[0]);
      end = match.index + match[0].length;
    }
    const found = new RegExp(`^${pattern}${escaped(shown.slice(end))}$`).exec(actual);
    if (found === null) return false;
    return this.#remember(revisions, found.slice(1));
  }

  #remember(shown: readonly string[], actual: readonly string[]): boolean {
    const learned = new Map<string, string>();
    for (const [index, revision] of shown.entries()) {
      const value = actual[index] ?? '';
      if ((learned.get(revision) ?? value) !== value) return false;
      learned.set(revision, value);
    }
    // Two that the page tells apart are apart.
    const taken = new Set([...this.#revisions.values(), ...learned.values()]);
    if (taken.size < this.#revisions.size + learned.size) return false;
    for (const [revision, value] of learned) this.#revisions.set(revision, value);
    return true;
  }
}

function squeezed(line: string): string {
  return line.trim().replaceAll(/\s+/g, ' ');
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
