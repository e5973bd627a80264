import {createHash, type Hash} from 'node:crypto';
import type {Section} from './dump-scanner.ts';
import {BackupFailure} from './failure.ts';

/**
 * Compares a dump that comes back with the sections of the one that went out: the manifest then has the hashes of what
 * can be read from the bucket, not only of what was sent there.
 */
export class SectionCheck {
  readonly #sections: readonly Section[];
  #at = 0;
  #bytes = 0;
  #hash: Hash = createHash('sha256');

  /** @param sections - each is there before the first byte of the one after it comes back */
  constructor(sections: readonly Section[]) {
    this.#sections = sections;
  }

  /**
   * Takes the next bytes; they aren't kept.
   *
   * @throws BackupFailure VerificationFailed
   */
  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) {
      this.#closeSections();
      const section = this.#sections[this.#at];
      const part = section === undefined ? rest : rest.subarray(0, section.bytes - this.#bytes);
      this.#hash.update(part);
      this.#bytes += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /**
   * To be called once, after the last byte, when every section is there.
   *
   * @throws BackupFailure VerificationFailed
   */
  end(): void {
    this.#closeSections();
    if (this.#at < this.#sections.length) throw different('less comes back than went in');
    if (this.#bytes > 0) throw different('more comes back than went in');
  }

  #closeSections(): void {
    for (;;) {
      const section = this.#sections[this.#at];
      if (section === undefined || this.#bytes < section.bytes) return;
      if (this.#bytes > section.bytes || this.#hash.digest('hex') !== section.sha256)
        throw different(`the section "${section.kind} ${section.name}" is another`);
      this.#at++;
      this.#bytes = 0;
      this.#hash = createHash('sha256');
    }
  }
}

/** The failure of a dump that doesn't come back as it was. */
export function different(how: string, cause?: unknown): BackupFailure {
  return new BackupFailure(
    'VerificationFailed',
    `What was encrypted does not decode to what was dumped: ${how}`,
    cause,
  );
}
