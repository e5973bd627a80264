import {createHash, type Hash} from 'node:crypto';
import {createdObject, type DumpedObject} from './dumped-object.ts';
import {skipText} from './skip-text.ts';

/** A part of a dump: what stands under one of mysqldump's headings. */
export interface Section {
  readonly kind: 'header' | 'table' | 'view-columns' | 'view' | 'events' | 'routines' | 'end';
  /** Of the table, view or database; empty for the first and the last section. */
  readonly name: string;
  readonly bytes: number;
  /** Of the section's bytes, in hex. */
  readonly sha256: string;
  /** Rows of the table's data; 0 for other kinds. */
  readonly rows: number;
}

/** What a whole dump turned out to hold. */
export interface ScanResult {
  readonly sections: readonly Section[];
  readonly objects: readonly DumpedObject[];
  readonly bytes: number;
  /** Whether the last thing in it is the line that mysqldump ends a whole dump with. */
  readonly complete: boolean;
  /** As the dump's header has them; empty when it has none. */
  readonly clientVersion: string;
  readonly serverVersion: string;
}

/** Where in the dump the next byte is. */
const State = {
  /** Between statements. */
  Between: 0,
  /** In a comment line between statements, which may be a heading. */
  Heading: 1,
  /** In a statement, outside of everything that follows. */
  Code: 2,
  SingleQuoted: 3,
  DoubleQuoted: 4,
  Backticked: 5,
  /** After `--` in a statement: a comment if a blank follows. */
  Dashes: 6,
  LineComment: 7,
  /** After a slash and a star: code of a version if an exclamation mark follows. */
  SlashStar: 8,
  BlockComment: 9,
  /** In a client's DELIMITER line. */
  Delimiter: 10,
  /** In an INSERT before its VALUES. */
  InsertHead: 11,
  InsertBackticked: 12,
  /** In the rows of an INSERT. */
  Rows: 13,
  RowString: 14,
} as const;

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const TAB = 9;
const EXCLAMATION = 33;
const DOUBLE_QUOTE = 34;
const HASH = 35;
const QUOTE = 39;
const OPEN = 40;
const STAR = 42;
const DASH = 45;
const SLASH = 47;
const SEMICOLON = 59;
const LETTER_V = 86;
const BACKSLASH = 92;
const BACKTICK = 96;

/** As much of a statement as is needed to see what it creates: a definer has up to 32 + 255 characters. */
const HEAD_BYTES = 4096;
const INSERT = Buffer.from('INSERT INTO ');
const DELIMITER = Buffer.from('DELIMITER ');

const HEADINGS: readonly (readonly [RegExp, Section['kind']])[] = [
  [/^-- Table structure for table `(.*)`$/s, 'table'],
  [/^-- Dumping data for table `(.*)`$/s, 'table'],
  [/^-- Temporary view structure for view `(.*)`$/s, 'view-columns'],
  [/^-- Final view structure for view `(.*)`$/s, 'view'],
  [/^-- Dumping events for database '(.*)'$/s, 'events'],
  [/^-- Dumping routines for database '(.*)'$/s, 'routines'],
  [/^-- Dump completed(?: on .*)?()$/s, 'end'],
];

/**
 * Reads a dump as it passes: counts rows, hashes each section, and notes what is created. Aware of quotes and comments, so
 * that no text in the data or in a routine's body is taken for a heading, a row or the end. It keeps no more than the
 * start of the statement that it is in.
 */
export class DumpScanner {
  #state: number = State.Between;
  /** A quoted text goes on after the next byte, whatever that is. */
  #escaped = false;
  #previous = 0;
  #delimiter = Buffer.from(';');
  #matched = 0;
  #backslashEscapes = true;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headLength = 0;
  #heading: Buffer[] = [];

  readonly #sections: Section[] = [];
  readonly #objects: DumpedObject[] = [];
  #kind: Section['kind'] = 'header';
  #name = '';
  #hash: Hash = createHash('sha256');
  #sectionBytes = 0;
  #rows = 0;
  #bytes = 0;
  #complete = false;
  #clientVersion = '';
  #serverVersion = '';

  /** Takes the next bytes; they aren't kept. */
  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    let hashed = 0;
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case State.Between: {
          at = this.#between(chunk, at);
          if (chunk[at] === DASH) {
            this.#count(chunk.subarray(hashed, at));
            hashed = at;
          }
          break;
        }
        case State.Heading:
          at = hashed = this.#headingLine(chunk, at);
          break;
        case State.Rows:
        case State.RowString:
          at = this.#rowBytes(chunk, at);
          break;
        default:
          this.#statementByte(chunk[at] ?? 0);
          at++;
      }
    }
    this.#count(chunk.subarray(hashed));
  }

  /** Those that have ended so far; grows with the dump. */
  get sections(): readonly Section[] {
    return this.#sections;
  }

  /** To be called once, after the last byte. */
  end(): ScanResult {
    if (this.#state === State.Heading) this.#endHeading();
    this.#closeSection();
    return {
      sections: this.#sections,
      objects: this.#objects,
      bytes: this.#bytes,
      complete: this.#complete && this.#state === State.Between,
      clientVersion: this.#clientVersion,
      serverVersion: this.#serverVersion,
    };
  }

  #count(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#hash.update(bytes);
    this.#sectionBytes += bytes.length;
  }

  /** Skips blanks; leaves the first byte of what follows unread. */
  #between(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && isBlank(chunk[at] ?? 0)) at++;
    if (at === chunk.length) return at;
    this.#state = chunk[at] === DASH ? State.Heading : State.Code;
    // Whatever follows the last line, it was not the last.
    this.#complete = false;
    this.#headLength = 0;
    this.#matched = 0;
    this.#previous = 0;
    return at;
  }

  #headingLine(chunk: Buffer, from: number): number {
    const newline = chunk.indexOf(NEWLINE, from);
    const end = newline === -1 ? chunk.length : newline + 1;
    this.#heading.push(Buffer.from(chunk.subarray(from, end)));
    if (newline !== -1) this.#endHeading();
    return end;
  }

  #endHeading(): void {
    const line = Buffer.concat(this.#heading);
    this.#heading = [];
    this.#state = State.Between;
    const text = line.toString('utf8').trimEnd();
    for (const [pattern, kind] of HEADINGS) {
      const name = pattern.exec(text)?.[1];
      if (name === undefined) continue;
      this.#openSection(kind, name.replaceAll('``', '`'));
      this.#complete = kind === 'end';
    }
    this.#clientVersion ||= /^-- MySQL dump .*Distrib ([^\s,]+)/.exec(text)?.[1] ?? '';
    this.#serverVersion ||= /^-- Server version\s+(\S+)/.exec(text)?.[1] ?? '';
    this.#count(line);
  }

  #openSection(kind: Section['kind'], name: string): void {
    if (kind === this.#kind && name === this.#name) return;
    this.#closeSection();
    this.#kind = kind;
    this.#name = name;
    this.#hash = createHash('sha256');
    this.#sectionBytes = 0;
    this.#rows = 0;
  }

  #closeSection(): void {
    this.#sections.push({
      kind: this.#kind,
      name: this.#name,
      bytes: this.#sectionBytes,
      sha256: this.#hash.digest('hex'),
      rows: this.#rows,
    });
  }

  /** The bulk of a dump: as few instructions a byte as can be. */
  #rowBytes(chunk: Buffer, from: number): number {
    const {length} = chunk;
    const view = new DataView(chunk.buffer, chunk.byteOffset, length);
    let at = from;
    if (this.#escaped) {
      at++;
      this.#escaped = false;
    }
    let inString = this.#state === State.RowString;
    let rows = 0;
    while (at < length) {
      if (inString) {
        at = skipText(view, at);
        if (at === length) break;
        const byte = chunk[at++];
        if (byte === QUOTE) inString = false;
        else if (byte === BACKSLASH) at++;
        continue;
      }
      const byte = chunk[at++];
      if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN) {
        rows++;
      } else if (byte === SEMICOLON) {
        this.#rows += rows;
        this.#state = State.Between;
        return at;
      }
    }
    this.#rows += rows;
    this.#state = inString ? State.RowString : State.Rows;
    // A backslash was the chunk's last byte.
    this.#escaped = inString && at > length;
    return length;
  }

  #statementByte(byte: number): void {
    if (this.#headLength < HEAD_BYTES) this.#head[this.#headLength++] = byte;
    switch (this.#state) {
      case State.Code:
        this.#code(byte);
        break;
      case State.SingleQuoted:
        this.#quoted(byte, QUOTE);
        break;
      case State.DoubleQuoted:
        this.#quoted(byte, DOUBLE_QUOTE);
        break;
      case State.Backticked:
        if (byte === BACKTICK) this.#state = State.Code;
        break;
      case State.Delimiter:
        if (byte === NEWLINE) this.#endDelimiter();
        break;
      case State.InsertHead:
      case State.InsertBackticked:
        this.#insertHead(byte);
        break;
      default:
        this.#comment(byte);
    }
  }

  #insertHead(byte: number): void {
    if (byte === BACKTICK) this.#state = this.#state === State.InsertHead ? State.InsertBackticked : State.InsertHead;
    // Every name is quoted, so this is the V of VALUES.
    else if (byte === LETTER_V && this.#state === State.InsertHead) this.#state = State.Rows;
  }

  /** In a comment, or in what may turn out to be one. */
  #comment(byte: number): void {
    switch (this.#state) {
      case State.Dashes:
        this.#state = State.LineComment;
        if (byte > SPACE) this.#code(byte);
        else if (byte === NEWLINE) this.#state = State.Code;
        break;
      case State.LineComment:
        if (byte === NEWLINE) this.#state = State.Code;
        break;
      case State.SlashStar:
        this.#state = byte === EXCLAMATION ? State.Code : State.BlockComment;
        this.#previous = byte;
        break;
      case State.BlockComment:
        if (byte === SLASH && this.#previous === STAR) this.#state = State.Code;
        this.#previous = byte;
        break;
    }
  }

  #code(byte: number): void {
    const previous = this.#previous;
    this.#previous = byte;
    this.#state = opens(previous, byte);
    if (byte === this.#delimiter[this.#matched]) this.#matched++;
    else this.#matched = byte === this.#delimiter[0] ? 1 : 0;
    if (this.#matched === this.#delimiter.length) this.#endStatement();
    else if (byte === SPACE && this.#headLength <= INSERT.length) this.#word();
  }

  /** What kind of statement it is, by the words that it begins with. */
  #word(): void {
    if (this.#startsWith(INSERT)) this.#state = State.InsertHead;
    else if (this.#startsWith(DELIMITER)) this.#state = State.Delimiter;
  }

  #startsWith(words: Buffer): boolean {
    return this.#headLength === words.length && this.#head.compare(words, 0, words.length, 0, words.length) === 0;
  }

  #quoted(byte: number, quote: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH && this.#backslashEscapes) this.#escaped = true;
    // A doubled quote closes it and opens it again.
    else if (byte === quote) this.#state = State.Code;
  }

  #endDelimiter(): void {
    const text = this.#head.toString('utf8', DELIMITER.length, this.#headLength).trim();
    this.#delimiter = Buffer.from(text);
    this.#state = State.Between;
  }

  #endStatement(): void {
    this.#state = State.Between;
    const head = this.#head.toString('utf8', 0, this.#headLength);
    const mode = /\bsql_mode\s*=\s*(?:'([^']*)'|@)/i.exec(head);
    if (mode !== null) this.#backslashEscapes = !(mode[1] ?? '').includes('NO_BACKSLASH_ESCAPES');
    const created = createdObject(head);
    // Before the views themselves come statements that only stand in for their columns.
    if (created !== undefined && this.#kind !== 'view-columns') this.#objects.push(created);
  }
}

/** What two bytes of code in a row lead into. */
function opens(previous: number, byte: number): number {
  switch (byte) {
    case QUOTE:
      return State.SingleQuoted;
    case DOUBLE_QUOTE:
      return State.DoubleQuoted;
    case BACKTICK:
      return State.Backticked;
    case HASH:
      return State.LineComment;
    case DASH:
      return previous === DASH ? State.Dashes : State.Code;
    case STAR:
      return previous === SLASH ? State.SlashStar : State.Code;
    default:
      return State.Code;
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === CARRIAGE_RETURN || byte === TAB;
}
